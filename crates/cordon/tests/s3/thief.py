"""Somebody with a key of their own who takes all they can; and somebody who may know of nothing of it."""

import json
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

known = json.loads(sys.argv[1])


def client(one):
    return boto3.client(
        "s3",
        endpoint_url=known["endpoint"],
        region_name=known["region"],
        aws_access_key_id=one["access_key_id"],
        aws_secret_access_key=one["secret_access_key"],
        aws_session_token=one["session_token"],
        config=Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 0}, max_pool_connections=64, signature_version="s3v4"
        ),
    )


owner, stranger = (client(one) for one in known["principals"])
events = owner.meta.events
events.register("before-sign.s3.CreateBucket", lambda request, **_: request.headers.add_header("x-cordon-label", "restricted"))
owner.create_bucket(Bucket="drafts")
for number in range(60):
    owner.put_object(Bucket="drafts", Key=str(number), Body=b"not yet")


def no_room(ask):
    """What is asked for and does not leave, for want of room alone."""
    try:
        return ask()
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        assert "room in what may leave" in error.response["Error"]["Message"], error
        return None


def steal(number):
    part = {"Range": "bytes=0-2"} if number % 2 else {}
    taken = lambda: owner.get_object(Bucket="drafts", Key=str(number % 60), **part)["Body"].read() and number % 60
    return no_room(taken)


with ThreadPoolExecutor(64) as threads:
    stolen = set(threads.map(steal, range(180))) - {None}
# In a minute; a machine that is slow gives more than one.
assert 20 <= len(stolen) <= 50, stolen

# Copies are read, too, and what an address asks for that was signed beforehand; what is only looked at is not.
left = {"Bucket": "drafts", "Key": str(min(set(range(60)) - stolen))}
assert no_room(lambda: owner.copy_object(Bucket="drafts", Key="copy", CopySource=left)) is None, "a copy went round the limit"
upload = {"Bucket": "drafts", "Key": "parts", "UploadId": owner.create_multipart_upload(Bucket="drafts", Key="parts")["UploadId"]}
copied = no_room(lambda: owner.upload_part_copy(**upload, PartNumber=1, CopySource=left))
assert copied is None, "a copy in parts went round the limit"
owner.abort_multipart_upload(**upload)
address = owner.generate_presigned_url("get_object", Params=left, ExpiresIn=60)
try:
    urllib.request.urlopen(address)
    sys.exit("a signed address went round the limit")
except urllib.error.HTTPError as error:
    told = error.read()
    assert error.code == 403 and (b"room in what may leave" in told or b"restricted" in told), told
assert all(owner.head_object(Bucket="drafts", Key=str(number))["ContentLength"] == 7 for number in range(60))

for ask in (
    lambda: stranger.get_object(Bucket="drafts", Key="1"),
    lambda: stranger.head_object(Bucket="drafts", Key="1"),
    lambda: stranger.list_objects_v2(Bucket="drafts"),
):
    try:
        ask()
        sys.exit("a stranger was answered")
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error
owner.delete_objects(Bucket="drafts", Delete={"Objects": [{"Key": str(number)} for number in range(60)]})
owner.delete_bucket(Bucket="drafts")
