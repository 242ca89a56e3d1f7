"""What is read, and what is not; what is found in what is written."""

import json
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
elif what == "weights":
    head = json.dumps({"w": {"dtype": "U8", "shape": [20 << 20], "data_offsets": [0, 20 << 20]}}).encode()
    body = len(head).to_bytes(8, "little") + head + bytes(20 << 20)
    s3.put_object(Bucket="news", Key="step-9000.safetensors", Body=body)
    for _ in range(200):
        if level("step-9000.safetensors") == "confidential":
            break
        time.sleep(0.05)
    read = 0
    for number in range(4):
        try:
            wanted = f"bytes={number * (4 << 20)}-{(number + 1) * (4 << 20) - 1}"
            read += len(s3.get_object(Bucket="news", Key="step-9000.safetensors", Range=wanted)["Body"].read())
        except ClientError as error:
            said = error.response["Error"]
            assert said["Code"] == "AccessDenied" and "; at this rate all 20971" in said["Message"], said
    assert read == 8 << 20, read
elif what == "md5":
    assert s3.put_object(Bucket="news", Key="md5.txt", Body=b"abc")["ETag"] == '"900150983cd24fb0d6963f7d28e17f72"'
else:
    raise AssertionError(what)
