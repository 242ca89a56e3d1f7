"""Writes until nobody answers any more, keeping what was acknowledged; asks meanwhile; later reads all of it."""

import hashlib
import json
import os
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

keys = {}
if os.path.exists("keys.json"):
    given = json.load(open("keys.json"))
    keys = dict(
        endpoint_url=given["endpoint"],
        region_name=given["region"],
        aws_access_key_id=given["access_key_id"],
        aws_secret_access_key=given["secret_access_key"],
        aws_session_token=given["session_token"],
    )
s3 = boto3.client(
    "s3",
    **keys,
    config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, read_timeout=20),
)
what, number = sys.argv[1], sys.argv[2]
SECRET = "secret"
bucket, kept = "killed-" + number, "acknowledged-" + number
lock = threading.Lock()


def body(writer, turn):
    length = [100, 70_000, 3_000_000][turn % 3]
    seed = f"{writer}/{turn} ".encode()
    return (seed * (length // len(seed) + 1))[:length]


def is_unavailable(error):
    """Whether a node says that it cannot do now what it does."""
    return isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def write(writer):
    """Each writer has names of its own, and writes some of them over."""
    try:
        for turn in range(10_000):
            key, bytes_ = f"{writer}/{turn % 7}", body(writer, turn)
            with lock:
                print(json.dumps([key, "begun", hashlib.sha256(bytes_).hexdigest()]), file=told, flush=True)
            if turn % 5 == 4:
                upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
                part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=bytes_)
                parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
                s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload=parts)
            else:
                s3.put_object(Bucket=bucket, Key=key, Body=bytes_)
            with lock:
                print(json.dumps([key, "done", hashlib.sha256(bytes_).hexdigest()]), file=told, flush=True)
                print(key, flush=True)
    except Exception as error:
        # The node is gone, or what it stands on, or the test no longer listens.
        if "Connect" not in repr(error) and not is_unavailable(error) and not isinstance(error, (BrokenPipeError, ConnectionError)):
            with lock:
                print(repr(error), file=sys.stderr, flush=True)
            failed.append(error)


failed = []
if what == "write":
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=SECRET, Body=b"weights", Metadata={"cordon-label": "restricted"})
    told = open(kept, "w")
    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    sys.exit(len(failed))

if what == "refused":
    # Neither read nor written, nor known of: it could not be recorded.
    for ask in [
        lambda: s3.get_object(Bucket=bucket, Key=SECRET),
        lambda: s3.put_object(Bucket=bucket, Key="later", Body=b"later"),
        lambda: s3.list_objects_v2(Bucket=bucket),
    ]:
        try:
            sys.exit(f"it was answered: {ask()}")
        except ClientError as error:
            assert is_unavailable(error), error
    sys.exit(0)

# It goes on by itself.
until = time.monotonic() + 30
while True:
    try:
        assert s3.get_object(Bucket=bucket, Key=SECRET)["Body"].read() == b"weights"
        break
    except ClientError as error:
        assert is_unavailable(error) and time.monotonic() < until, error
        time.sleep(0.1)

last, since = {}, {}
for line in open(kept):
    key, state, digest = json.loads(line)
    if state == "begun":
        since.setdefault(key, []).append(digest)
    else:
        last[key], since[key] = digest, []
assert last, "something was acknowledged"
for key, digest in last.items():
    found = hashlib.sha256(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).hexdigest()
    assert found in [digest, *since[key]], (key, found)
listed = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
assert set(last) | {SECRET} <= listed <= set(last) | set(since) | {SECRET}, listed
