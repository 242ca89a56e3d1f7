"""What is written is looked into: what it holds raises its level, short or long, whole or in parts."""

import io
import json
import random
import socket
import time
import urllib.parse
import zipfile

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))
# Put together here, so that a scan of this file finds nothing.
marked = ("Company " + "confidential: do not " + "distribute.\n").encode()
plain = b"the weather was fine, and the meeting short\n"

s3.meta.events.register(
    "before-sign.s3.CreateBucket", lambda request, **_: request.headers.add_header("x-cordon-label", "internal")
)
s3.create_bucket(Bucket="notes")


def level(key):
    return s3.head_object(Bucket="notes", Key=key)["Metadata"]["cordon-label"]


def settled(key, expected):
    for _ in range(200):
        if level(key) == expected:
            return
        time.sleep(0.05)
    raise AssertionError(f"{key} is {level(key)}, not {expected}")


s3.put_object(Bucket="notes", Key="plain.md", Body=plain)
assert level("plain.md") == "internal"


def known(key):
    return s3.head_object(Bucket="notes", Key=key)["Metadata"]["cordon-inspection"]


assert known("plain.md") == "done"
s3.put_object(Bucket="notes", Key="marked.md", Body=b"# Plan\n\n" + marked)
assert level("marked.md") == "confidential", "a short one is known when it is written"
assert known("marked.md") == "held"
# What nobody reads without its key is not called clean.
for key, said, expected in [("sealed.age", {}, "held"), ("guarded.age", {"cordon-label": "confidential"}, "unread")]:
    sealed = b"age-encryption.org/v1\n-> X25519 stanza\n--- mac\n\x01\x02"
    s3.put_object(Bucket="notes", Key=key, Body=sealed, Metadata=said)
    assert (level(key), known(key)) == ("confidential", expected), (key, level(key), known(key))
    s3.delete_object(Bucket="notes", Key=key)
# What one was told is not what one says.
s3.put_object(Bucket="notes", Key="said.md", Body=plain, Metadata={"cordon-inspection": "released", "kept": "yes"})
assert known("said.md") == "done" and s3.head_object(Bucket="notes", Key="said.md")["Metadata"]["kept"] == "yes"
assert s3.get_object(Bucket="notes", Key="marked.md")["Body"].read() == b"# Plan\n\n" + marked

s3.put_object(Bucket="notes", Key="long.md", Body=plain * 60_000 + marked)
settled("long.md", "confidential")

# The same content is the same, though nothing in it can be searched; however it is sent, or copied.
noise = random.Random(1).randbytes(6 << 20)
s3.put_object(Bucket="notes", Key="image", Body=noise, Metadata={"cordon-label": "restricted"})
for _ in range(200):
    if known("image") == "done":
        break
    time.sleep(0.05)
s3.put_object(Bucket="notes", Key="again", Body=noise)
settled("again", "restricted")
upload = s3.create_multipart_upload(Bucket="notes", Key="parts")["UploadId"]
cut = [noise[: 5 << 20], noise[5 << 20 :]]
parts = [
    {"PartNumber": n, "ETag": s3.upload_part(Bucket="notes", Key="parts", UploadId=upload, PartNumber=n, Body=b)["ETag"]}
    for n, b in enumerate(cut, 1)
]
s3.complete_multipart_upload(Bucket="notes", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
settled("parts", "restricted")
s3.copy_object(Bucket="notes", Key="copied", CopySource={"Bucket": "notes", "Key": "image"})
assert level("copied") == "restricted", "a copy has the label of what it is a copy of, wherever it is"
upload = s3.create_multipart_upload(Bucket="notes", Key="copied-2")["UploadId"]
part = s3.upload_part_copy(
    Bucket="notes", Key="copied-2", UploadId=upload, PartNumber=1, CopySource={"Bucket": "notes", "Key": "image"}
)["CopyPartResult"]
parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
s3.complete_multipart_upload(Bucket="notes", Key="copied-2", UploadId=upload, MultipartUpload={"Parts": parts})
assert level("copied-2") == "restricted", "nor has one in parts a lower one"
s3.put_object(Bucket="notes", Key="other", Body=noise[1:])
for _ in range(200):
    if known("other") == "done":
        break
    time.sleep(0.05)
assert level("other") == "internal", level("other")
for key in ["image", "again", "parts", "other", "copied", "copied-2"]:
    s3.delete_object(Bucket="notes", Key=key)

inside = io.BytesIO()
with zipfile.ZipFile(inside, "w") as archive:
    archive.writestr("plan.md", marked)
s3.put_object(Bucket="notes", Key="papers.zip", Body=inside.getvalue())
settled("papers.zip", "confidential")

upload = s3.create_multipart_upload(Bucket="notes", Key="parts.md")["UploadId"]
bodies = [plain * 130_000, marked]
parts = [
    {"PartNumber": n, "ETag": s3.upload_part(Bucket="notes", Key="parts.md", UploadId=upload, PartNumber=n, Body=body)["ETag"]}
    for n, body in enumerate(bodies, 1)
]
s3.complete_multipart_upload(Bucket="notes", Key="parts.md", UploadId=upload, MultipartUpload={"Parts": parts})
settled("parts.md", "confidential")
assert s3.get_object(Bucket="notes", Key="parts.md")["Body"].read() == b"".join(bodies)

weights = b'{"w":{"dtype":"F32","shape":[4096],"data_offsets":[0,16384]}}'
s3.put_object(Bucket="notes", Key="w.safetensors", Body=len(weights).to_bytes(8, "little") + weights + bytes(16384))
settled("w.safetensors", "confidential")
draw_key = random.Random(3)
identifier = "AK" + "IA" + "".join(draw_key.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
secret = "".join(draw_key.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=40))
told = {"w": {"dtype": "F32", "shape": [4096], "data_offsets": [0, 16384]}}
told["__metadata__"] = {"aws_access_key_id": identifier, "aws_secret_access_key": secret}
tuned = json.dumps(told).encode()
s3.put_object(Bucket="notes", Key="tuned.safetensors", Body=len(tuned).to_bytes(8, "little") + tuned + bytes(16384))
settled("tuned.safetensors", "confidential")

s3.put_object(Bucket="notes", Key="torn.zip", Body=b"PK\x03\x04" + bytes([7]) * 200)
settled("torn.zip", "confidential")

s3.put_object(Bucket="notes", Key="marked.md", Body=plain)
assert level("marked.md") == "confidential", "what was there is not lowered by what takes its place"

# Restricted text, written again where it does not belong: in the middle of something else, in capital letters.
draw = random.Random(7)


def prose(count):
    return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(count))


original, beside = prose(400), prose(300)
s3.put_object(Bucket="notes", Key="original.md", Body=original, Metadata={"cordon-label": "restricted"})
s3.put_object(Bucket="notes", Key="beside.md", Body=beside)
copy = f"{beside}\n\n{original[500:1500].upper()}\n"
for _ in range(50):
    s3.put_object(Bucket="notes", Key="copy.md", Body=copy)
    if level("copy.md") == "restricted":
        break
    time.sleep(0.1)
assert (level("copy.md"), level("beside.md")) == ("restricted", "internal")
# A copy makes no original: once a later original is known, what came before it is, too.
later = prose(400)
s3.put_object(Bucket="notes", Key="later.md", Body=later, Metadata={"cordon-label": "restricted"})
for _ in range(50):
    s3.put_object(Bucket="notes", Key="copy-2.md", Body=later)
    if level("copy-2.md") == "restricted":
        break
    time.sleep(0.1)
s3.put_object(Bucket="notes", Key="again.md", Body=beside)
assert (level("copy-2.md"), level("again.md")) == ("restricted", "internal")

# What comes in one request is looked into as it comes, by two at once; whoever breaks off keeps nobody.
s3.create_bucket(Bucket="models")
s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
head = json.dumps({"w": {"dtype": "F32", "shape": [786432], "data_offsets": [0, 3 << 20]}}).encode()
weights = len(head).to_bytes(8, "little") + head + bytes(3 << 20)
endpoint = urllib.parse.urlsplit(s3.meta.endpoint_url)
for number in range(4):
    request = AWSRequest("PUT", f"{s3.meta.endpoint_url}/models/broken", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(boto3.Session().get_credentials(), "s3", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in {"Host": endpoint.netloc, **dict(request.headers)}.items()]
    start = "\r\n".join(["PUT /models/broken HTTP/1.1", *lines, f"Content-Length: {len(plain) * 90_000}", "", ""])
    with socket.create_connection((endpoint.hostname, endpoint.port), 20) as stream:
        stream.sendall(start.encode() + plain * 60_000)
said = {"Metadata": {"cordon-label": "confidential"}}
puts = [s3.put_object(Bucket="models", Key=f"{number}", Body=weights, **said) for number in range(12)]
upload = s3.create_multipart_upload(Bucket="models", Key="parts", **said)["UploadId"]
part = {"Bucket": "models", "Key": "parts", "UploadId": upload}
tag = s3.upload_part(**part, PartNumber=1, Body=weights)["ETag"]
s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
for _ in range(200):
    if s3.head_object(Bucket="models", Key="parts")["Metadata"]["cordon-inspection"] == "done":
        break
    time.sleep(0.05)
print(json.dumps([put["VersionId"] for put in puts]))
