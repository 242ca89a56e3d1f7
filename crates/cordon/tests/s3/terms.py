"""What is read, and what is not; what is found in what is written."""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))
what, arguments = sys.argv[1], sys.argv[2:]


def level(key):
    return s3.head_object(Bucket="news", Key=key)["Metadata"]["cordon-label"]


if what == "reads":
    assert s3.get_object(Bucket="news", Key=arguments[0])["Body"].read()
elif what == "refused":
    try:
        s3.get_object(Bucket="news", Key=arguments[0])
        raise AssertionError("it was read")
    except ClientError as error:
        said = error.response["Error"]
        assert said["Code"] == "AccessDenied" and arguments[1] in said["Message"], said
elif what == "observed":
    # It takes up to a second until what is looked for is known.
    for number in range(100):
        s3.put_object(Bucket="news", Key=f"seen-{number}", Body=b"the glass_heron flies")
        assert level(f"seen-{number}") == "internal", "it is observed, and not raised"
        if s3.head_object(Bucket="news", Key=f"seen-{number}")["Metadata"]["cordon-inspection"] == "observed":
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the codename was not found")
elif what == "held":
    s3.put_object(Bucket="news", Key="held.md", Body=b"the GLASS heron flies")
    assert level("held.md") == "confidential", level("held.md")
elif what == "original":
    words = " ".join(f"w{number * 7919 % 65536:04x}" for number in range(400)).encode()
    s3.put_object(Bucket="news", Key="plan.md", Body=words, Metadata={"cordon-label": "restricted"})
else:
    raise AssertionError(what)
