"""Reads that go on while what they rest on is taken back: they break off."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))
size = 96 << 20
what = sys.argv[1]
if what == "write":
    project = sys.argv[2]
    s3.create_bucket(Bucket=project)
    s3.put_object(Bucket=project, Key="large", Body=bytes(size), Metadata={"cordon-label": f"confidential/{project}"})
    sys.exit()
body = s3.get_object(Bucket=what, Key="large")["Body"]
came = len(body.read(1 << 20))
print("reading", flush=True)
sys.stdin.readline()
if sys.argv[2:] == ["all"]:
    # The node is being ended: nothing new is answered, and this arrives.
    try:
        boto3.client("s3", config=Config(retries={"max_attempts": 0}, connect_timeout=2)).list_buckets()
        sys.exit("a new request is answered")
    except (ClientError, BotoCoreError):
        pass
    while piece := body.read(1 << 20):
        came += len(piece)
    sys.exit(None if came == size else f"{came} bytes of {size} came")
try:
    s3.head_object(Bucket=what, Key="large")
    sys.exit("a new request is answered")
except ClientError:
    pass
try:
    while piece := body.read(1 << 20):
        came += len(piece)
except Exception as error:
    print(f"broke off: {type(error).__name__}")
assert came < size, "all of it left"
