"""What is more than may be, at once or in one request, is refused as S3 documents it, and everybody else is answered."""

import contextlib
import os
import socket
import time
import urllib.parse

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, parameter_validation=False)
ENDPOINT = os.environ["AWS_ENDPOINT_URL_S3"] if "AWS_ENDPOINT_URL_S3" in os.environ else os.environ["AWS_ENDPOINT_URL"]
HOST, PORT = urllib.parse.urlsplit(ENDPOINT).netloc.rsplit(":", 1)
# Requests that are under way at once, and connections of one address, which may have few more.
IN_FLIGHT, OF_ADDRESS = 512, 120
BUCKET = "bounds"
s3 = boto3.client("s3", config=CONFIG)


def refused(work):
    """The status and the code with which something is refused."""
    try:
        work()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError("it was done")


def head(length):
    """The head of a request that writes so many bytes."""
    path = f"/{BUCKET}/under-way"
    request = AWSRequest("PUT", ENDPOINT + path, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(boto3.Session().get_credentials(), "s3", "us-east-1").add_auth(request)
    headers = {"Host": f"{HOST}:{PORT}", "Content-Length": str(length), **dict(request.headers)}
    lines = [f"PUT {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connected(number):
    """A connection, from one of several addresses of this machine."""
    return socket.create_connection((HOST, int(PORT)), 20, (f"127.0.0.{2 + number // OF_ADDRESS}", 0))


def status(stream):
    """The status of the answer, and all of it."""
    answer = b""
    while piece := stream.recv(65536):
        answer += piece
    return int(answer.split(b" ", 2)[1]), answer


def too_much_in_one_request():
    """One more than each bound."""
    s3.put_object(Bucket=BUCKET, Key="k" * 1024, Body=b"as long as a name may be")
    assert refused(lambda: s3.put_object(Bucket=BUCKET, Key="k" * 1025, Body=b"")) == (400, "KeyTooLongError")
    many = [{"Key": f"{number}"} for number in range(1001)]
    assert refused(lambda: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": many}))[0] == 400
    long = {"Tagging": {"TagSet": [{"Key": "a", "Value": "b" * (3 << 20)}]}}
    assert 400 <= refused(lambda: s3.put_object_tagging(Bucket=BUCKET, Key="k" * 1024, **long))[0] < 500
    said = {f"said-{number}": "b" * 1000 for number in range(10)}
    assert 400 <= refused(lambda: s3.put_object(Bucket=BUCKET, Key="said", Body=b"", Metadata=said))[0] < 500
    part = {"Bucket": BUCKET, "Key": "parts", "PartNumber": 10_001, "Body": b"x"}
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    assert refused(lambda: s3.upload_part(**part, UploadId=upload)) == (400, "InvalidArgument")
    # Nobody waits for what is said to be longer than anything may be.
    with connected(0) as stream:
        stream.sendall(head((5 << 40) + 1))
        code, answer = status(stream)
        assert code == 400 and b"EntityTooLarge" in answer, answer


def too_many_at_once():
    """Whoever comes when so many are under way is asked to come again, and is answered once some have gone."""
    with contextlib.ExitStack() as open_ones:
        for number in range(IN_FLIGHT):
            stream = open_ones.enter_context(connected(number))
            stream.sendall(head(5))
        until, last = time.monotonic() + 20, None
        while last != (503, "SlowDown"):
            # Those that were sent last may not have been read yet.
            assert time.monotonic() < until, last
            try:
                s3.head_bucket(Bucket=BUCKET)
                s3.list_objects_v2(Bucket=BUCKET)
            except ClientError as error:
                code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
                last = (503, "SlowDown") if code == (503, "503") else code
    until = time.monotonic() + 20
    while True:
        try:
            s3.list_objects_v2(Bucket=BUCKET)
            break
        except ClientError:
            assert time.monotonic() < until, "nobody is answered any more"
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="under-way")["KeyCount"] == 0, "nothing of them was written"


s3.create_bucket(Bucket=BUCKET)
too_much_in_one_request()
too_many_at_once()
