"""Attacks that worked on other object stores, as somebody tries them who writes to one bucket and may know of no other.

`prepare` writes what is attacked, `attack` attacks, `unharmed` looks at what is there afterwards. Each attack is a function: it
fails when the vault gives anything away, or does what it was asked.
"""

import base64
import datetime
import hashlib
import hmac
import io
import os
import socket
import sys
import tarfile
import urllib.parse
import zlib
from unittest import mock

import boto3
from botocore.auth import HmacV1Auth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

CONFIG = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, signature_version="s3v4")
ENDPOINT = os.environ["AWS_ENDPOINT_URL_S3"] if "AWS_ENDPOINT_URL_S3" in os.environ else os.environ["AWS_ENDPOINT_URL"]
HOST = urllib.parse.urlsplit(ENDPOINT).netloc
KEYS = Credentials(
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
)
SECRET = b"what nobody may learn " * 64
NAMES = ["../../etc/passwd", "..", "/etc/passwd", "a/../../vault/plan", "%2e%2e/%2e%2e/x", "..\\..\\x", "vault/plan", ".cordon", "x" * 1024]
# All that whoever attacks may write.
WRITTEN = sorted([*NAMES, "mine", "packed.tar"])
STREAMED = ["streamed", "trailed"]
s3 = boto3.client("s3", config=CONFIG)


def sent(method, path, headers=None, body=b"", auth=S3SigV4Auth, keys=KEYS):
    """Signs a request, changes nothing of it, sends it, and returns status, headers and all bytes of the answer."""
    request = AWSRequest(method=method, url=ENDPOINT + path, headers=headers or {}, data=body)
    if auth:
        signer = auth(keys) if auth is HmacV1Auth else auth(keys, "s3", "us-east-1")
        signer.add_auth(request)
    prepared = request.prepare()
    target = urllib.parse.urlsplit(prepared.url)
    query = "?" + target.query if target.query else ""
    return raw(method, target.path + query, dict(prepared.headers), body)


def raw(method, target, headers, body=b""):
    """Sends exactly these bytes."""
    own = {"Host": HOST, "Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in own.items():
        value = value.decode() if isinstance(value, bytes) else value
        if value is not None:
            lines.append(f"{name}: {value}")
    host, port = HOST.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as stream:
        stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    told = head.decode("latin-1").split("\r\n")
    pairs = dict(line.lower().split(": ", 1) for line in told[1:] if ": " in line)
    assert SECRET[:20] not in answer, (method, target)
    return int(told[0].split()[1]), pairs, rest


def refused(answer, *statuses):
    status, _, body = answer
    assert status in (statuses or (400, 403, 404, 405, 501)), (status, body[:300])


def fails(codes, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in codes, error.response["Error"]
        return
    raise AssertionError(f"it was done: {answer}")


# Keys that other stores begin with, and none.
def default_keys_of_other_stores():
    for name, secret in [("minio" + "admin", "minio" + "admin"), ("rustfs" + "admin", "rustfs" + "admin"), ("admin", "admin"), ("root", "password")]:
        refused(sent("GET", "/", keys=Credentials(name, secret)), 403)
    refused(sent("GET", "/vault/plan", auth=None), 403)


def a_signature_of_version_2():
    request = {"Date": datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")}
    refused(sent("GET", "/own/mine", request, auth=HmacV1Auth), 400, 403)
    text = f"GET\n\n\n4102444800\nx-amz-security-token:{KEYS.token}\n/own/mine".encode()
    made = base64.b64encode(hmac.new(KEYS.secret_key.encode(), text, hashlib.sha1).digest()).decode()
    query = {"AWSAccessKeyId": KEYS.access_key, "Expires": "4102444800", "Signature": made}
    query = urllib.parse.urlencode({**query, "x-amz-security-token": KEYS.token})
    refused(raw("GET", "/own/mine?" + query, {}), 400, 403)


# The source of a copy is read, and decided on as that.
def a_copy_of_what_one_may_not_read():
    copy = {"Bucket": "own", "Key": "stolen"}
    for source in ["vault/plan", "/vault/plan", "vault/%70lan", "own/../vault/plan", "own%2F..%2Fvault%2Fplan"]:
        refused(sent("PUT", "/own/stolen", {"x-amz-copy-source": source}), 400, 403, 404)
    # Nothing is fetched from elsewhere.
    arn = "arn:aws:s3:us-east-1:123456789012:accesspoint/vault/object/plan"
    for source in [arn, "http://127.0.0.1:1/vault/plan", "http%3A%2F%2F169.254.169.254/latest/meta-data"]:
        refused(sent("PUT", "/own/stolen", {"x-amz-copy-source": source}))
    upload = s3.create_multipart_upload(**copy)["UploadId"]
    for more in [{}, {"CopySourceRange": "bytes=0-9"}]:
        arguments = {**copy, "UploadId": upload, "PartNumber": 1, "CopySource": "vault/plan", **more}
        fails(["NoSuchBucket", "NoSuchKey", "AccessDenied"], s3.upload_part_copy, **arguments)
    s3.abort_multipart_upload(**copy, UploadId=upload)


# A version is decided on as itself, wherever it is asked for.
def a_version_of_another_object():
    version = os.environ["ATTACKED_VERSION"]
    for bucket, key in [("own", "mine"), ("own", "plan"), ("vault", "plan")]:
        codes = ["NoSuchVersion", "NoSuchKey", "NoSuchBucket", "AccessDenied", "404", "403", "InvalidArgument", "400"]
        fails(codes, s3.get_object, Bucket=bucket, Key=key, VersionId=version)
        fails(codes, s3.head_object, Bucket=bucket, Key=key, VersionId=version)
        fails(codes, s3.get_object_tagging, Bucket=bucket, Key=key, VersionId=version)
    source = {"Bucket": "own", "Key": "mine", "VersionId": version}
    fails(["NoSuchVersion", "NoSuchKey", "InvalidArgument"], s3.copy_object, Bucket="own", Key="stolen", CopySource=source)
    fails(["NoSuchBucket"], s3.list_object_versions, Bucket="vault")


# A version is decided on by its own label, and not by that of what its name leads to; nor by that of its bucket.
def an_older_version_that_is_higher():
    older = os.environ["OLDER_VERSION"]
    shown = s3.list_object_versions(Bucket="shared")
    assert [one["Key"] for one in shown["Versions"]] == ["memo"] and shown["Versions"][0]["VersionId"] != older, shown
    codes = ["NoSuchVersion", "NoSuchKey", "AccessDenied", "404", "403"]
    for asked in [{"Key": "memo", "VersionId": older}, {"Key": "secret"}]:
        for call in [s3.get_object, s3.head_object, s3.get_object_tagging]:
            fails(codes, call, Bucket="shared", **asked)
        source = {"Bucket": "shared", **asked}
        fails(codes, s3.copy_object, Bucket="own", Key="stolen", CopySource=source)
        upload = s3.create_multipart_upload(Bucket="own", Key="stolen")["UploadId"]
        part = {"Bucket": "own", "Key": "stolen", "UploadId": upload}
        fails(codes, s3.upload_part_copy, **part, PartNumber=1, CopySource=source)
        s3.abort_multipart_upload(**part)


# A form that a browser posts carries its policy in its body: such uploads are not taken.
def a_posted_form_whose_conditions_are_not_met():
    policy = s3.generate_presigned_post("own", "allowed", Conditions=[["content-length-range", 0, 10]], ExpiresIn=600)
    fields = {**policy["fields"], "key": "elsewhere"}
    edge = "edge"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{"x" * 100}\r\n--{edge}--\r\n')
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    refused(raw("POST", "/own", headers, "".join(parts).encode()))


# What decides comes from the connection and from what was signed.
def headers_that_look_like_what_decides():
    for name in ["x-amz-meta-cordon-label", "x-cordon-label", "x-cordon-principal", "x-amz-copy-source", "x-amz-security-token"]:
        request = AWSRequest(method="PUT", url=ENDPOINT + "/own/unsigned", data=b"x")
        S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
        headers = dict(request.prepare().headers)
        headers[name] = "public" if "label" in name else "vault/plan"
        refused(raw("PUT", "/own/unsigned", headers, b"x"), 400, 403)
    # Signed, too, they say nothing of who asks, or from where.
    for name, value in [("x-cordon-principal", "pr_" + "0" * 32), ("x-cordon-role", "owner"), ("x-forwarded-for", "127.0.0.1"), ("cordon-node-proof", "0.00")]:
        refused(sent("GET", "/vault/plan", {name: value}), 403, 404)
        refused(sent("PUT", "/vault/plan", {name: value}, b"evil"), 403, 404)
    fails(["InvalidArgument", "AccessDenied", "InvalidRequest"], s3.put_object, Bucket="own", Key="l", Body=b"", Metadata={"cordon-label": "none"})


# Names are names, and no paths.
def names_that_lead_elsewhere():
    for name in NAMES:
        s3.put_object(Bucket="own", Key=name, Body=name.encode())
    for name in NAMES:
        assert s3.get_object(Bucket="own", Key=name)["Body"].read() == name.encode(), name
    for target in ["/own/../vault/plan", "/own/..%2fvault/plan", "/own/%2e%2e/vault/plan", "//vault/plan", "/own//../../vault/plan"]:
        status, _, body = sent("GET", target)
        assert status in (400, 403, 404), (target, status, body[:200])


# What comes is stored as it comes: nothing is taken out of it.
def an_archive_that_asks_to_be_unpacked():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("../../../vault/plan")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"evil"))
    s3.put_object(Bucket="own", Key="packed.tar", Body=packed.getvalue(), Metadata={"snowball-auto-extract": "true"})
    listed = [one["Key"] for one in s3.list_objects_v2(Bucket="own")["Contents"]]
    assert sorted(listed) == WRITTEN, listed


# Nothing becomes public, or another's, by a header, an access list, a policy of a bucket, or a website.
def making_it_public():
    everyone = "http://acs.amazonaws.com/groups/global/AllUsers"
    fails(["AccessDenied"], s3.put_object, Bucket="own", Key="p", Body=b"x", ACL="public-read")
    fails(["AccessDenied"], s3.put_object, Bucket="own", Key="p", Body=b"x", GrantRead=f'uri="{everyone}"')
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}'
    fails(["NotImplemented"], s3.put_bucket_policy, Bucket="own", Policy=policy)
    fails(["NotImplemented"], s3.put_object_acl, Bucket="own", Key="mine", ACL="public-read")
    fails(["NotImplemented"], s3.put_bucket_acl, Bucket="own", ACL="public-read-write")
    fails(["NotImplemented"], s3.put_bucket_website, Bucket="own", WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
    fails(["NotImplemented"], s3.put_bucket_cors, Bucket="own", CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]})
    refused(sent("GET", "/own/mine", auth=None), 403)


# A page of another site gets nothing by a browser that is signed in.
def a_page_of_another_origin():
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in [raw("OPTIONS", "/own/mine", origin), sent("GET", "/own/mine", {"Origin": "https://evil.example"})]:
        assert not any(name.startswith("access-control-") for name in answer[1]), answer[1]


# Whoever locks what cannot be locked is told so, and does not rely on it.
def a_lock_that_would_not_hold():
    until = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    fails(["NotImplemented", "InvalidRequest"], s3.put_object, Bucket="own", Key="locked", Body=b"x", **lock)


# An address that was signed beforehand is what was signed, for as long as was signed.
def an_address_that_was_changed():
    address = s3.generate_presigned_url("get_object", Params={"Bucket": "own", "Key": "mine"}, ExpiresIn=600)
    target = address[len(ENDPOINT):]
    assert raw("GET", target, {})[0] == 200, "as it was signed it is answered"
    assert "X-Amz-Signature" in target and "Expires=600" in target, target
    for other in [target.replace("/own/mine", "/vault/plan"), target.replace("Expires=600", "Expires=604800"), target + "&x=1", target.replace("Date=2", "Date=3")]:
        assert other != target
        refused(raw("GET", other, {}), 400, 403)
    for method in ["PUT", "DELETE"]:
        refused(raw(method, target, {}, b"evil" if method == "PUT" else b""), 400, 403)
    request = AWSRequest(method="GET", url=ENDPOINT + "/own/mine")
    S3SigV4QueryAuth(KEYS, "s3", "us-east-1", expires=8 * 86_400).add_auth(request)
    refused(raw("GET", request.url[len(ENDPOINT):], {}), 400, 403)


# What was signed counts for as long as it says, or for a quarter of an hour.
def what_was_signed_too_long_ago():
    now = datetime.datetime.now(datetime.timezone.utc)
    signs = [(S3SigV4Auth(KEYS, "s3", "us-east-1"), 16), (S3SigV4QueryAuth(KEYS, "s3", "us-east-1", expires=60), 2)]
    for signer, minutes in signs:
        for ago, expected in [(0, (200,)), (minutes, (400, 403))]:
            request = AWSRequest(method="GET", url=ENDPOINT + "/own/mine")
            with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: now - datetime.timedelta(minutes=ago)):
                signer.add_auth(request)
            answer = raw("GET", request.url[len(ENDPOINT):], dict(request.headers))
            assert answer[0] in expected, (minutes, ago, answer)


class Chunked(S3SigV4Auth):
    """Signs a body that comes in chunks, each with a signature that goes by the one before it."""

    said = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

    def payload(self, request):
        return self.said

    def signs(self, chunk, before):
        at = self.request.context["timestamp"]
        scope = f"{at[:8]}/us-east-1/s3/aws4_request"
        hashes = [hashlib.sha256(text).hexdigest() for text in (b"", chunk)]
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", at, scope, before, *hashes])
        return self.signature(text, self.request)

    def begin(self, path, length, headers):
        url = ENDPOINT + path
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(length), **headers}
        self.request = AWSRequest(method="PUT", url=url, headers=headers)
        self.add_auth(self.request)
        return self.request.headers["Authorization"].rsplit("=", 1)[1]

    def chunks(self, contents, seed):
        signatures = [seed]
        for content in [*contents, b""]:
            signatures.append(self.signs(content, signatures[-1]))
            head = f"{len(content):x};chunk-signature={signatures[-1]}\r\n".encode()
            yield head + content + b"\r\n"


class Trailed(Chunked):
    said = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


# Each chunk is what was signed, in the order in which it was; and none is kept that is too long to be.
def chunks_that_were_changed():
    contents = [b"a" * 9000, b"b" * 9000, b"c"]
    whole = b"".join(contents)
    for change in [
        lambda chunks: [chunks[0].replace(b"aaa", b"aab"), *chunks[1:]],
        lambda chunks: [chunks[1], chunks[0], *chunks[2:]],
        lambda chunks: [chunks[0], *chunks],
        lambda chunks: chunks[1:],
        lambda chunks: chunks[:2],
        lambda chunks: [chunks[0], chunks[-1]],
        lambda chunks: [chunks[0].replace(b";chunk-signature=", b";another-signature="), *chunks[1:]],
        lambda chunks: [chunk.split(b";")[0] + b"\r\n" + chunk.split(b"\r\n", 1)[1] for chunk in chunks],
        lambda chunks: chunks,
    ]:
        signer = Chunked(KEYS, "s3", "us-east-1")
        seed = signer.begin("/own/streamed", len(whole), {})
        body = b"".join(change(list(signer.chunks(contents, seed))))
        answer = raw("PUT", "/own/streamed", dict(signer.request.headers), body)
        if body == b"".join(signer.chunks(contents, seed)):
            assert answer[0] == 200, answer
        else:
            assert 400 <= answer[0] < 500, answer
            fails(["404", "NoSuchKey"], s3.head_object, Bucket="own", Key="streamed")
    assert s3.get_object(Bucket="own", Key="streamed")["Body"].read() == whole
    signer = Chunked(KEYS, "s3", "us-east-1")
    signer.begin("/own/long", 5 << 20, {})
    head = f"{5 << 20:x};chunk-signature={'0' * 64}\r\n".encode()
    answer = raw("PUT", "/own/long", {**signer.request.headers, "Content-Length": str(5 << 20)}, head + b"x" * 100)
    assert answer[0] == 400 and b"a signed chunk has at most" in answer[2], answer


# What stands behind a body is compared with it; a chunk that is not signed may be as long as it likes.
def a_trailer_of_another_body():
    content = b"0123456789" * 700_000
    crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    for said, expected in [("AAAAAA==", 400), (crc, 200)]:
        signer = Trailed(KEYS, "s3", "us-east-1")
        signer.begin("/own/trailed", len(content), {"x-amz-trailer": "x-amz-checksum-crc32"})
        behind = f"\r\n0\r\nx-amz-checksum-crc32:{said}\r\n\r\n".encode()
        body = f"{len(content):x}\r\n".encode() + content + behind
        answer = raw("PUT", "/own/trailed", dict(signer.request.headers), body)
        assert answer[0] == expected, answer
    assert s3.get_object(Bucket="own", Key="trailed")["Body"].read() == content


# A body is what was signed, and is counted once.
def a_body_that_was_changed():
    request = AWSRequest(method="PUT", url=ENDPOINT + "/own/changed", data=b"harmless")
    request.headers["x-amz-content-sha256"] = hashlib.sha256(b"harmless").hexdigest()
    S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
    refused(raw("PUT", "/own/changed", dict(request.prepare().headers), b"evil...."), 400, 403)
    within = b"0\r\n\r\nGET /own/mine HTTP/1.1\r\nHost: x\r\n\r\n"
    status, _, told = sent("PUT", "/own/changed", {"Transfer-Encoding": "chunked"}, within)
    assert 400 <= status < 500 and b"HTTP/1.1" not in told, (status, told)


# Nothing for those who look after a machine answers here.
def doors_of_administrators():
    doors = ["/minio/admin/v3/info", "/rustfs/admin/v3/list-users", "/debug/pprof/heap", "/metrics", "/health", "/admin", "/rustfs/rpc/x"]
    pages = urllib.parse.urlsplit(sys.argv[3]).netloc
    for door in doors:
        refused(raw("GET", door, {}), 400, 403, 404)
        host, port = pages.rsplit(":", 1)
        with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as stream:
            stream.sendall(f"GET {door} HTTP/1.1\r\nHost: {pages}\r\nConnection: close\r\n\r\n".encode())
            assert stream.recv(12) == b"HTTP/1.1 404", door
        refused(sent("GET", door), 400, 403, 404, 501)
    asked = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(sent("POST", "/", asked, b"Action=CreateAccessKey&UserName=root&Version=2010-05-08"))


# What breaks a parser breaks nothing.
def requests_that_no_client_sends():
    shapes = [
        {"Authorization": "AWS4-HMAC-SHA256 " + "x" * 5000},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=///, SignedHeaders=, Signature="},
        {"Authorization": "Bearer x"},
        {"x-amz-date": "never", "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"},
    ]
    for headers in shapes:
        for method, target in [("GET", "/own/mine"), ("PUT", "/own/x"), ("POST", "/own?uploads"), ("POST", "/own?delete")]:
            assert 400 <= raw(method, target, headers, b"<")[0] < 500, headers
    for headers in [{"Range": "bytes=" + "0-1," * 200}, {"If-Match": '"' * 500}, {"x-amz-checksum-crc32": "?"}]:
        assert sent("GET", "/own/mine", headers)[0] in (200, 400, 412, 416), headers
    for body in [b"", b"<", b"<Delete>", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><Delete>&b;</Delete>", b"<Delete>" * 20_000]:
        status, _, told = sent("POST", "/own?delete", body=body)
        assert 400 <= status < 500 and b"root:" not in told, (body[:40], status)
    assert s3.get_object(Bucket="own", Key="mine")["Body"].read() == b"mine", "it goes on"


ATTACKS = [
    default_keys_of_other_stores,
    a_signature_of_version_2,
    a_copy_of_what_one_may_not_read,
    a_version_of_another_object,
    a_posted_form_whose_conditions_are_not_met,
    headers_that_look_like_what_decides,
    names_that_lead_elsewhere,
    an_archive_that_asks_to_be_unpacked,
    making_it_public,
    a_page_of_another_origin,
    a_lock_that_would_not_hold,
    an_address_that_was_changed,
    a_body_that_was_changed,
    doors_of_administrators,
    requests_that_no_client_sends,
    an_older_version_that_is_higher,
    what_was_signed_too_long_ago,
    chunks_that_were_changed,
    a_trailer_of_another_body,
]

if sys.argv[1] == "prepare":
    s3.create_bucket(Bucket="vault")
    written = s3.put_object(Bucket="vault", Key="plan", Body=SECRET, Metadata={"cordon-label": "restricted"})
    s3.meta.events.register(
        "before-sign.s3.CreateBucket", lambda request, **_: request.headers.add_header("x-cordon-label", "internal")
    )
    s3.create_bucket(Bucket="own")
    s3.put_bucket_versioning(Bucket="vault", VersioningConfiguration={"Status": "Enabled"})
    latest = s3.put_object(Bucket="vault", Key="plan", Body=SECRET)["VersionId"]
    s3.create_bucket(Bucket="shared")
    s3.put_bucket_versioning(Bucket="shared", VersioningConfiguration={"Status": "Enabled"})
    guarded = {"Bucket": "shared", "Body": SECRET, "Metadata": {"cordon-label": "restricted/atlas"}}
    older = s3.put_object(Key="memo", **guarded)["VersionId"]
    s3.put_object(Key="secret", **guarded)
    s3.delete_object(Bucket="shared", Key="memo")
    s3.put_object(Bucket="shared", Key="memo", Body=b"for everybody")
    print(latest, older)
elif sys.argv[1] == "attack":
    os.environ["ATTACKED_VERSION"], os.environ["OLDER_VERSION"] = sys.argv[2].split()
    s3.put_object(Bucket="own", Key="mine", Body=b"mine")
    for attack in ATTACKS:
        try:
            attack()
        except Exception as error:
            raise AssertionError(attack.__name__) from error
    print(len(ATTACKS))
else:
    assert s3.get_object(Bucket="vault", Key="plan")["Body"].read() == SECRET
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="vault")["Contents"]] == ["plan"]
    assert sorted(one["Key"] for one in s3.list_objects_v2(Bucket="own")["Contents"]) == sorted([*WRITTEN, *STREAMED])
