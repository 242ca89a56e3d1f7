"""What boto3 does with the endpoint that the environment names; each step must end as S3 documents it."""

import base64
import datetime
import hashlib
import io
import os
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert code in (found, status), f"{found} ({status}), not {code}: {error}"
        return error.response
    raise AssertionError(f"{call} was not refused with {code}")


# Buckets.
assert s3.list_buckets()["Buckets"] == []
s3.create_bucket(Bucket="corpus")
s3.head_bucket(Bucket="corpus")
s3.create_bucket(Bucket="corpus")  # as in the region that this is
refused("InvalidBucketName", s3.create_bucket, Bucket="co_rpus")
refused("AccessDenied", s3.create_bucket, Bucket="open", ACL="public-read")
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["corpus"]
s3.head_bucket(Bucket="corpus")
refused(404, s3.head_bucket, Bucket="nothing")
assert s3.get_bucket_location(Bucket="corpus")["LocationConstraint"] is None

# Objects, as boto3 sends them by default: in signed pieces, with a checksum behind.
text = "unreleased: \u00e4\u6f22".encode()
put = s3.put_object(
    Bucket="corpus", Key="notes/a b+\u00e4.txt", Body=text, ContentType="text/plain", Metadata={"team": "atlas"}
)
assert put["ETag"].endswith('-1"') and put["ServerSideEncryption"] == "AES256", put
got = s3.get_object(Bucket="corpus", Key="notes/a b+\u00e4.txt")
assert got["Body"].read() == text and got["ContentType"] == "text/plain" and got["ETag"] == put["ETag"]
assert got["Metadata"] == {"team": "atlas", "cordon-label": "confidential", "cordon-inspection": "done"}, got["Metadata"]
head = s3.head_object(Bucket="corpus", Key="notes/a b+\u00e4.txt")
assert head["ContentLength"] == len(text) and head["LastModified"] == got["LastModified"]
refused("NoSuchKey", s3.get_object, Bucket="corpus", Key="none")
refused(404, s3.head_object, Bucket="corpus", Key="none")
refused("NoSuchBucket", s3.get_object, Bucket="none", Key="none")
# Nobody makes a bucket by writing to it, not even who may make one.
refused("NoSuchBucket", s3.put_object, Bucket="none", Key="none", Body=b"x")
refused("NoSuchBucket", s3.create_multipart_upload, Bucket="none", Key="none")
refused(404, s3.head_bucket, Bucket="none")
refused("AccessDenied", s3.put_object, Bucket="corpus", Key="open", Body=b"", ACL="public-read")
refused("NotImplemented", s3.put_object, Bucket="corpus", Key="k", Body=b"", ServerSideEncryption="aws:kms")
refused("InvalidArgument", s3.put_object, Bucket="corpus", Key="k", Body=b"", SSEKMSKeyId="another")
refused("AccessDenied", s3.list_objects_v2, Bucket="corpus", ExpectedBucketOwner="111122223333")
owner = s3.list_buckets()["Owner"]["ID"]
assert s3.list_objects_v2(Bucket="corpus", ExpectedBucketOwner=owner, FetchOwner=True)["Contents"][0]["Owner"]["ID"] == owner

# What its writer says of caches and codings is told, and whoever has bytes of it keeps none.
told = {"CacheControl": "public, max-age=60", "ContentEncoding": "gzip, aws-chunked", "ContentLanguage": "de"}
until = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
s3.put_object(Bucket="corpus", Key="told", Body=b"x", Expires=until, ContentDisposition="attachment", **told)
head = s3.head_object(Bucket="corpus", Key="told")
assert (head["CacheControl"], head["ContentEncoding"], head["ContentLanguage"]) == ("public, max-age=60", "gzip", "de"), head
assert head["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT", head
assert s3.get_object(Bucket="corpus", Key="told")["CacheControl"] == "no-store"

# Conditions of copies and deletions.
condition = dict(Bucket="corpus", CopySource="corpus/told", Key="copied")
refused("NoSuchKey", s3.copy_object, IfMatch="*", **condition)
s3.copy_object(IfNoneMatch="*", **condition)
refused("PreconditionFailed", s3.copy_object, IfNoneMatch="*", **condition)
refused("AccessDenied", s3.copy_object, ExpectedSourceBucketOwner="111122223333", **condition)
refused("PreconditionFailed", s3.delete_object, Bucket="corpus", Key="copied", IfMatch='"another"')
s3.delete_object(Bucket="corpus", Key="copied", IfMatch=s3.head_object(Bucket="corpus", Key="copied")["ETag"])
refused(404, s3.head_object, Bucket="corpus", Key="copied")
s3.delete_object(Bucket="corpus", Key="told")

# What is asked of a copy, or of an upload in parts, is heeded or refused.
told = s3.put_object(Bucket="corpus", Key="told", Body=b"x" * 10)["ETag"]
refused("AccessDenied", s3.copy_object, GrantRead="id=somebody", **condition)
refused("NotImplemented", s3.copy_object, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until, **condition)
in_parts = dict(Bucket="corpus", Key="in-parts")
in_parts["UploadId"] = s3.create_multipart_upload(**in_parts)["UploadId"]
copy_part = dict(CopySource="corpus/told", PartNumber=1, **in_parts)
refused("PreconditionFailed", s3.upload_part_copy, CopySourceIfMatch='"another"', **copy_part)
refused("PreconditionFailed", s3.upload_part_copy, CopySourceIfNoneMatch=told, **copy_part)
part = s3.upload_part_copy(CopySourceIfMatch=told, **copy_part)["CopyPartResult"]["ETag"]
all_parts = dict(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, **in_parts)
refused("InvalidRequest", s3.complete_multipart_upload, MpuObjectSize=9, **all_parts)
s3.complete_multipart_upload(MpuObjectSize=10, **all_parts)
for key in ["told", "in-parts"]:
    s3.delete_object(Bucket="corpus", Key=key)

# A list of buckets in pages.
s3.create_bucket(Bucket="corpus-2")
first = s3.list_buckets(MaxBuckets=1)
second = s3.list_buckets(MaxBuckets=1, ContinuationToken=first["ContinuationToken"])
assert [page["Buckets"][0]["Name"] for page in (first, second)] == ["corpus", "corpus-2"] and "ContinuationToken" not in second
s3.delete_bucket(Bucket="corpus-2")

# Larger ones, and ranges.
body = os.urandom(3_000_000)
s3.put_object(Bucket="corpus", Key="large", Body=body)
whole = s3.get_object(Bucket="corpus", Key="large")
assert whole["ContentLength"] == len(body) and whole["Body"].read() == body
for asked, start, end in [
    ("bytes=0-0", 0, 1),
    ("bytes=1048500-1048700", 1048500, 1048701),
    ("bytes=2999999-", 2999999, 3000000),
    ("bytes=-5", 2999995, 3000000),
    ("bytes=10-99999999", 10, 3000000),
]:
    part = s3.get_object(Bucket="corpus", Key="large", Range=asked)
    assert part["Body"].read() == body[start:end], asked
    assert part["ContentRange"] == f"bytes {start}-{end - 1}/3000000", part["ContentRange"]
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
refused("InvalidRange", s3.get_object, Bucket="corpus", Key="large", Range="bytes=3000000-")

# Conditions.
tag = whole["ETag"]
refused(304, s3.get_object, Bucket="corpus", Key="large", IfNoneMatch=tag)
refused(304, s3.get_object, Bucket="corpus", Key="large", IfModifiedSince=whole["LastModified"])
refused("PreconditionFailed", s3.get_object, Bucket="corpus", Key="large", IfMatch='"other"')
earlier = whole["LastModified"] - datetime.timedelta(seconds=1)
refused("PreconditionFailed", s3.get_object, Bucket="corpus", Key="large", IfUnmodifiedSince=earlier)
s3.get_object(Bucket="corpus", Key="large", IfUnmodifiedSince=whole["LastModified"], IfModifiedSince=earlier)
s3.get_object(Bucket="corpus", Key="large", IfMatch=tag)
refused("PreconditionFailed", s3.put_object, Bucket="corpus", Key="large", Body=b"x", IfNoneMatch="*")
refused("PreconditionFailed", s3.put_object, Bucket="corpus", Key="large", Body=b"x", IfMatch='"other"')
tag = s3.put_object(Bucket="corpus", Key="lock", Body=b"1", IfNoneMatch="*")["ETag"]
s3.put_object(Bucket="corpus", Key="lock", Body=b"2", IfMatch=tag)

# What a client says of a body is compared with it.
digest = "kAFQmDzST7DWlj99KOF/cg=="
s3.put_object(Bucket="corpus", Key="sum", Body=b"abc", ContentMD5=digest)
refused("BadDigest", s3.put_object, Bucket="corpus", Key="sum2", Body=b"abd", ContentMD5=digest)
refused("InvalidDigest", s3.put_object, Bucket="corpus", Key="sum2", Body=b"abd", ContentMD5="AAAA")
refused("NoSuchKey", s3.get_object, Bucket="corpus", Key="sum2")
sha = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
s3.put_object(Bucket="corpus", Key="sum", Body=b"abc", ChecksumSHA256=sha)
refused("BadDigest", s3.put_object, Bucket="corpus", Key="sum2", Body=b"abd", ChecksumSHA256=sha)
for kind in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket="corpus", Key="sum", Body=b"abc", ChecksumAlgorithm=kind)
s3.put_object(Bucket="corpus", Key="sum", Body=b"abc", ChecksumSHA256=sha)
assert s3.get_object(Bucket="corpus", Key="sum", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha
# Of `123456789`, whose checksums are published with each kind.
for kind, value in [("CRC32", "y/Q5Jg=="), ("CRC32C", "4waSgw=="), ("CRC64NVME", "rosUhgp5mIg=")]:
    s3.put_object(Bucket="corpus", Key="check", Body=b"123456789", **{f"Checksum{kind}": value})
    head = s3.head_object(Bucket="corpus", Key="check", ChecksumMode="ENABLED")
    assert head[f"Checksum{kind}"] == value and head["ServerSideEncryption"] == "AES256", head
    refused("BadDigest", s3.put_object, Bucket="corpus", Key="check", Body=b"12345678", **{f"Checksum{kind}": value})
got = s3.get_object(Bucket="corpus", Key="check")
assert got["ServerSideEncryption"] == "AES256", got
copied = s3.copy_object(Bucket="corpus", Key="check-2", CopySource={"Bucket": "corpus", "Key": "check"})
assert copied["ServerSideEncryption"] == "AES256", copied


def sum_of(data, kind="sha256"):
    return base64.b64encode(hashlib.new(kind, data).digest()).decode()


def in_parts(bodies, stated, **more):
    """Sends parts, each with its SHA-256, and states that of each when they are put together."""
    at = {"Bucket": "corpus", "Key": "summed"}
    upload = s3.create_multipart_upload(**at, ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for n, body in enumerate(bodies, 1):
        sent = s3.upload_part(**at, UploadId=upload, PartNumber=n, Body=body, ChecksumSHA256=sum_of(body))
        assert sent["ChecksumSHA256"] == sum_of(body), sent
        parts.append({"PartNumber": n, "ETag": sent["ETag"], "ChecksumSHA256": stated[n - 1]})
    try:
        return s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts}, **more)
    except ClientError:
        s3.abort_multipart_upload(**at, UploadId=upload)
        raise


bodies = [b"a" * (5 << 20), b"b" * 1000]
sums = [sum_of(body) for body in bodies]
both = sum_of(b"".join(hashlib.sha256(body).digest() for body in bodies)) + "-2"
assert in_parts(bodies, sums)["ChecksumSHA256"] == both
assert s3.head_object(Bucket="corpus", Key="summed", ChecksumMode="ENABLED")["ChecksumSHA256"] == both
in_parts(bodies, sums, ChecksumSHA256=both)
refused("InvalidPart", in_parts, bodies=bodies, stated=[sums[0], sums[0]])
refused("BadDigest", in_parts, bodies=bodies, stated=sums, ChecksumSHA256=sums[0] + "-2")
refused("InvalidRequest", in_parts, bodies=bodies, stated=sums, ChecksumCRC64NVME="AAAAAAAAAAA=")
# What comes behind a body is kept, too: that of a part, and of a whole.
s3.put_object(Bucket="corpus", Key="behind", Body=io.BytesIO(b"abc"), ChecksumAlgorithm="CRC32")
assert s3.head_object(Bucket="corpus", Key="behind", ChecksumMode="ENABLED")["ChecksumCRC32"] == "NSRBwg=="

# Labels: at least that of the bucket, and of what the name led to.
s3.put_object(Bucket="corpus", Key="plan", Body=b"x", Metadata={"cordon-label": "restricted"})
assert s3.head_object(Bucket="corpus", Key="plan")["Metadata"]["cordon-label"] == "restricted"
s3.put_object(Bucket="corpus", Key="plan", Body=b"x", Metadata={"cordon-label": "internal"})
assert s3.head_object(Bucket="corpus", Key="plan")["Metadata"]["cordon-label"] == "restricted"
refused("InvalidArgument", s3.put_object, Bucket="corpus", Key="plan", Body=b"x", Metadata={"cordon-label": "secret"})

# Copies: the label goes along.
s3.copy_object(Bucket="corpus", Key="copied", CopySource={"Bucket": "corpus", "Key": "plan"})
assert s3.head_object(Bucket="corpus", Key="copied")["Metadata"]["cordon-label"] == "restricted"
refused("NoSuchKey", s3.copy_object, Bucket="corpus", Key="c", CopySource={"Bucket": "corpus", "Key": "none"})
refused("InvalidRequest", s3.copy_object, Bucket="corpus", Key="plan", CopySource={"Bucket": "corpus", "Key": "plan"})

# Lists.
for number in range(7):
    s3.put_object(Bucket="corpus", Key=f"set/{number % 3}/{number}", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="corpus", Prefix="set/", PaginationConfig={"PageSize": 2})
names = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
assert names == sorted(f"set/{number % 3}/{number}" for number in range(7)), names
later = s3.list_objects_v2(Bucket="corpus", Prefix="set/", StartAfter=names[2])
assert ([entry["Key"] for entry in later["Contents"]], later["KeyCount"]) == (names[3:], len(names) - 3), later
for form in ["list_objects", "list_objects_v2"]:
    pages = s3.get_paginator(form).paginate(
        Bucket="corpus", Prefix="set/", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    assert found == ["set/0/", "set/1/", "set/2/"], (form, found)
listed = {entry["Key"]: entry for entry in s3.list_objects_v2(Bucket="corpus")["Contents"]}
assert listed["large"]["Size"] == len(body) and "notes/a b+\u00e4.txt" in listed
refused("InvalidArgument", s3.list_objects_v2, Bucket="corpus", ContinuationToken="made-up")
refused("NoSuchBucket", s3.list_objects_v2, Bucket="nothing")

# Uploads in parts.
MIB = 1 << 20
parts = [os.urandom(6 * MIB), os.urandom(5 * MIB), os.urandom(1234)]
upload = s3.create_multipart_upload(Bucket="corpus", Key="parts", Metadata={"team": "atlas"})["UploadId"]
name = {"Bucket": "corpus", "Key": "parts", "UploadId": upload}
s3.upload_part(**name, PartNumber=2, Body=b"sent again later")
sent = [s3.upload_part(**name, PartNumber=number + 1, Body=part)["ETag"] for number, part in enumerate(parts)]
listed = s3.list_parts(**name)["Parts"]
assert [(part["PartNumber"], part["Size"], part["ETag"]) for part in listed] == [
    (number + 1, len(part), sent[number]) for number, part in enumerate(parts)
], listed
assert [going["UploadId"] for going in s3.list_multipart_uploads(Bucket="corpus")["Uploads"]] == [upload]


def finish(*numbers, tags=sent, **more):
    named = [{"PartNumber": number, "ETag": tags[number - 1]} for number in numbers]
    return s3.complete_multipart_upload(**name, MultipartUpload={"Parts": named}, **more)


refused("InvalidPartOrder", lambda: finish(2, 1))
refused("InvalidPart", lambda: finish(1, 2, tags=[sent[0], '"other"']))
refused("NoSuchUpload", s3.upload_part, Bucket="corpus", Key="other", UploadId=upload, PartNumber=1, Body=b"x")
refused("InvalidArgument", s3.upload_part, **name, PartNumber=10001, Body=b"x")
refused("NoSuchKey", s3.get_object, Bucket="corpus", Key="parts")
tag = finish(1, 2, 3)["ETag"]
assert tag.endswith('-3"'), tag
whole = s3.get_object(Bucket="corpus", Key="parts")
assert whole["Body"].read() == b"".join(parts) and whole["Metadata"]["team"] == "atlas" and whole["ETag"] == tag
seam = s3.get_object(Bucket="corpus", Key="parts", Range=f"bytes={6 * MIB - 10}-{11 * MIB + 9}")["Body"].read()
assert seam == b"".join(parts)[6 * MIB - 10 : 11 * MIB + 10]
assert finish(1, 2, 3)["ETag"] == tag, "whoever did not hear the answer asks again"
upload = s3.create_multipart_upload(Bucket="corpus", Key="parts")["UploadId"]
name["UploadId"] = upload
sent = [s3.upload_part(**name, PartNumber=number, Body=b"short")["ETag"] for number in [1, 2]]
refused("EntityTooSmall", lambda: finish(1, 2, tags=sent))
s3.abort_multipart_upload(**name)
refused("NoSuchUpload", s3.list_parts, **name)
refused("NoSuchUpload", s3.abort_multipart_upload, **name)
assert "Uploads" not in s3.list_multipart_uploads(Bucket="corpus")

# A part that is copied brings its label along.
upload = s3.create_multipart_upload(Bucket="corpus", Key="joined")["UploadId"]
name = {"Bucket": "corpus", "Key": "joined", "UploadId": upload}
source = {"Bucket": "corpus", "Key": "plan"}
refused("NoSuchKey", s3.upload_part_copy, **name, PartNumber=1, CopySource={"Bucket": "corpus", "Key": "none"})
refused("InvalidRange", s3.upload_part_copy, **name, PartNumber=1, CopySource=source, CopySourceRange="bytes=0-99")
copied = s3.upload_part_copy(**name, PartNumber=1, CopySource=source, CopySourceRange="bytes=0-0")
finish(1, tags=[copied["CopyPartResult"]["ETag"]])
joined = s3.get_object(Bucket="corpus", Key="joined")
assert joined["Body"].read() == b"x" and joined["Metadata"]["cordon-label"] == "restricted"

# As boto3 moves files: in parts, at once.
with open(os.path.join(os.environ["HOME"], "large"), "wb") as file:
    file.write(body * 10)
s3.upload_file(file.name, "corpus", "moved")
s3.download_file("corpus", "moved", file.name + ".back")
assert open(file.name + ".back", "rb").read() == body * 10

# Tags: said with an object, changed later, and gone with it; a label may be asked for in one.
def tags(key, **more):
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket="corpus", Key=key, **more)["TagSet"]}


s3.put_object(Bucket="corpus", Key="tagged", Body=b"1", Tagging="team=atlas&stage=a%20b")
assert tags("tagged") == {"team": "atlas", "stage": "a b"}
assert s3.head_object(Bucket="corpus", Key="tagged")["ResponseMetadata"]["HTTPHeaders"].get("x-amz-tagging-count") == "2"
assert s3.get_object(Bucket="corpus", Key="tagged")["TagCount"] == 2
s3.put_object_tagging(Bucket="corpus", Key="tagged", Tagging={"TagSet": [{"Key": "team", "Value": "hermes"}]})
assert tags("tagged") == {"team": "hermes"} and s3.get_object(Bucket="corpus", Key="tagged")["Body"].read() == b"1"
same = {"Bucket": "corpus", "Key": "tagged"}
s3.copy_object(Bucket="corpus", Key="copied", CopySource=same)
assert tags("copied") == {"team": "hermes"}
s3.copy_object(Bucket="corpus", Key="copied", CopySource=same, TaggingDirective="REPLACE", Tagging="a=b")
assert tags("copied") == {"a": "b"}
s3.delete_object_tagging(Bucket="corpus", Key="tagged")
assert tags("tagged") == {} and "TagCount" not in s3.get_object(Bucket="corpus", Key="tagged")
s3.put_object(Bucket="corpus", Key="labelled", Body=b"1", Tagging="cordon-label=restricted")
assert s3.head_object(Bucket="corpus", Key="labelled")["Metadata"]["cordon-label"] == "restricted"
label = {"TagSet": [{"Key": "cordon-label", "Value": "public"}]}
refused("InvalidTag", s3.put_object_tagging, Bucket="corpus", Key="labelled", Tagging=label)
refused("InvalidTag", s3.put_object, Bucket="corpus", Key="tagged", Body=b"", Tagging="aws:x=1")
refused("NoSuchKey", s3.get_object_tagging, Bucket="corpus", Key="none")


def recognised(key):
    return s3.head_object(Bucket="corpus", Key=key)["Metadata"].get("cordon-recognise")


asks = {"Metadata": {"cordon-recognise": "yes"}}
s3.put_object(Bucket="corpus", Key="asked", Body=b"1", **asks)
s3.put_object(Bucket="corpus", Key="asked-by-tag", Body=b"1", Tagging="cordon-recognise=yes&a=b", **asks)
parts = s3.create_multipart_upload(Bucket="corpus", Key="asked-in-parts", Tagging="cordon-recognise=yes")["UploadId"]
part = s3.upload_part(Bucket="corpus", Key="asked-in-parts", UploadId=parts, PartNumber=1, Body=b"x")["ETag"]
s3.complete_multipart_upload(
    Bucket="corpus", Key="asked-in-parts", UploadId=parts, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
)
s3.copy_object(Bucket="corpus", Key="asked-copy", CopySource={"Bucket": "corpus", "Key": "asked"})
assert [recognised(key) for key in ["asked", "asked-by-tag", "asked-in-parts", "asked-copy"]] == ["yes"] * 4
assert tags("asked-by-tag") == {"a": "b"} and recognised("tagged") is None
refused("InvalidArgument", s3.put_object, Bucket="corpus", Key="asked", Body=b"", Metadata={"cordon-recognise": "no"})
refused("InvalidArgument", s3.put_object, Bucket="corpus", Key="asked", Body=b"", Tagging="cordon-recognise=no")
later = {"TagSet": [{"Key": "cordon-recognise", "Value": "yes"}]}
refused("InvalidTag", s3.put_object_tagging, Bucket="corpus", Key="tagged", Tagging=later)

refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="corpus")
pairs = [{"Key": "cost", "Value": "a b"}, {"Key": "team", "Value": "atlas"}]
s3.put_bucket_tagging(Bucket="corpus", Tagging={"TagSet": pairs[::-1]})
assert s3.get_bucket_tagging(Bucket="corpus")["TagSet"] == pairs, "in the order of their names"
many = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
refused("InvalidTag", s3.put_bucket_tagging, Bucket="corpus", Tagging={"TagSet": many})
long = [{"Key": f"{number}" + "k" * 100, "Value": "v" * 100} for number in range(50)]
refused("InvalidTag", s3.put_bucket_tagging, Bucket="corpus", Tagging={"TagSet": long})
refused("InvalidTag", s3.put_bucket_tagging, Bucket="corpus", Tagging=label)
s3.delete_bucket_tagging(Bucket="corpus")
refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="corpus")
refused("NoSuchKey", s3.put_object_tagging, Bucket="corpus", Key="none", Tagging={"TagSet": []})
parts = s3.create_multipart_upload(Bucket="corpus", Key="tagged-parts", Tagging="team=atlas")["UploadId"]
part = s3.upload_part(Bucket="corpus", Key="tagged-parts", UploadId=parts, PartNumber=1, Body=b"x")["ETag"]
s3.complete_multipart_upload(
    Bucket="corpus", Key="tagged-parts", UploadId=parts, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
)
assert tags("tagged-parts") == {"team": "atlas"}
for key in ["tagged", "copied", "labelled", "tagged-parts"]:
    s3.delete_object(Bucket="corpus", Key=key)

# Deletion, one and many; and what is kept.
s3.delete_object(Bucket="corpus", Key="large")
refused("NoSuchKey", s3.get_object, Bucket="corpus", Key="large")
s3.delete_object(Bucket="corpus", Key="large")
many = s3.delete_objects(Bucket="corpus", Delete={"Objects": [{"Key": name} for name in names]})
assert sorted(entry["Key"] for entry in many["Deleted"]) == names and "Errors" not in many
quiet = s3.delete_objects(Bucket="corpus", Delete={"Objects": [{"Key": name} for name in names], "Quiet": True})
assert "Deleted" not in quiet and "Errors" not in quiet, quiet
s3.create_bucket(Bucket="kept")
s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
first = s3.put_object(Bucket="kept", Key="k", Body=b"1")["VersionId"]
second = s3.put_object(Bucket="kept", Key="k", Body=b"2")["VersionId"]
assert s3.get_object(Bucket="kept", Key="k", VersionId=first)["Body"].read() == b"1"
hidden = s3.delete_object(Bucket="kept", Key="k")
assert hidden["DeleteMarker"] is True
refused("NoSuchKey", s3.get_object, Bucket="kept", Key="k")
third = s3.put_object(Bucket="kept", Key="a/b", Body=b"333")["VersionId"]
listed = s3.list_object_versions(Bucket="kept")
assert [(one["Key"], one["VersionId"], one["IsLatest"], one["Size"]) for one in listed["Versions"]] == [
    ("a/b", third, True, 3),
    ("k", second, False, 1),
    ("k", first, False, 1),
], listed
assert [(one["Key"], one["VersionId"], one["IsLatest"]) for one in listed["DeleteMarkers"]] == [
    ("k", hidden["VersionId"], True)
], listed
assert listed["IsTruncated"] is False and "NextKeyMarker" not in listed
pages = s3.get_paginator("list_object_versions").paginate(Bucket="kept", PaginationConfig={"PageSize": 1})
pages = [(page.get("Versions", []) + page.get("DeleteMarkers", []))[0]["VersionId"] for page in pages]
assert pages == [third, hidden["VersionId"], second, first], pages
beginnings = s3.list_object_versions(Bucket="kept", Delimiter="/")
assert [one["Prefix"] for one in beginnings["CommonPrefixes"]] == ["a/"] and len(beginnings["Versions"]) == 2
assert len(s3.list_object_versions(Bucket="kept", Prefix="a/")["Versions"]) == 1
refused("InvalidArgument", s3.list_object_versions, Bucket="kept", VersionIdMarker=first)
only = s3.list_object_versions(Bucket="corpus", Prefix="notes/", MaxKeys=1)["Versions"]
assert [one["VersionId"] for one in only] == ["null"]
s3.delete_object(Bucket="kept", Key="a/b", VersionId=third)
s3.delete_object(Bucket="kept", Key="k", VersionId=hidden["VersionId"])
assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"2"
refused("BucketNotEmpty", s3.delete_bucket, Bucket="kept")
s3.delete_object(Bucket="kept", Key="k", VersionId=second)
s3.delete_object(Bucket="kept", Key="k", VersionId=first)
s3.delete_bucket(Bucket="kept")
refused("NoSuchBucket", s3.delete_bucket, Bucket="kept")


# Addresses that are signed beforehand live as long as their level allows.
def fetch(url, method="GET", data=None, headers={}):
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def address(key, seconds):
    return newer.generate_presigned_url("get_object", {"Bucket": "corpus", "Key": key}, ExpiresIn=seconds)


newer = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
older = s3.generate_presigned_url("get_object", {"Bucket": "corpus", "Key": "sum"}, ExpiresIn=60)
assert "AWSAccessKeyId" in older and fetch(older)[0] == 403, "the older signature"
status, content, headers = fetch(address("sum", 3600))
assert (status, content) == (200, b"abc"), (status, content)
assert "sandbox" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
status, content, _ = fetch(address("sum", 3601))
assert status == 403 and b"may live 1 hours" in content, content
assert fetch(address("plan", 1))[0] == 403, "what is restricted has no such address"
parts = b'<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"x"</ETag></Part></CompleteMultipartUpload>'
changes = {"put_object": ("PUT", b"x"), "delete_object": ("DELETE", None), "upload_part": ("PUT", b"x"), "complete_multipart_upload": ("POST", parts)}
for operation, (method, body) in changes.items():
    part = {"UploadId": "ov_" + "ab" * 16} if "upload" in operation else {}
    part |= {"PartNumber": 1} if operation == "upload_part" else {}
    over = newer.generate_presigned_url(operation, {"Bucket": "corpus", "Key": "plan", **part}, ExpiresIn=1)
    status, content, _ = fetch(over, method, body)
    assert status == 403 and b"may live 0 hours" in content, (operation, content)
copied = {"Bucket": "corpus", "Key": "plan", "CopySource": "corpus/sum"}
for key, expected in [("plan", 403), ("copied-by-address", 200)]:
    over = newer.generate_presigned_url("copy_object", {**copied, "Key": key}, ExpiresIn=1)
    status, content, _ = fetch(over, "PUT", headers={"x-amz-copy-source": "corpus/sum"})
    assert status == expected and (status == 200 or b"may live 0 hours" in content), (key, status, content)
s3.delete_object(Bucket="corpus", Key="copied-by-address")
s3.put_object(Bucket="corpus", Key="gone", Body=b"x")
gone = {"Bucket": "corpus", "Key": "gone"}
for operation in ["put_object", "delete_object"]:
    over = newer.generate_presigned_url(operation, gone, ExpiresIn=60)
    assert fetch(over, *changes[operation])[0] in (200, 204), operation
s3.delete_object(**gone)
assert fetch(address("sum", 3600).replace("sum", "lock"))[0] == 403, "it is of another object"
assert fetch(address("sum", 3600), "PUT", b"x")[0] == 403, "it is to read"
plain = os.environ["AWS_ENDPOINT_URL_S3"] + "/corpus/sum"
assert fetch(plain)[0] == 403, "there is no access without a signature"
assert fetch(plain + "?AWSAccessKeyId=x&Signature=y&Expires=99999999999")[0] == 403, "the older signature"

# A wrong secret, another key's token, no token, another region.
key, secret, token = (os.environ["AWS_" + name] for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"])


def other(key=key, secret=secret, token=token, region="us-east-1", **more):
    return boto3.client(
        "s3",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name=region,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **more),
    )


refused("SignatureDoesNotMatch", other(secret=secret[::-1]).list_buckets)
refused("InvalidAccessKeyId", other(key=key[:-1] + ("A" if key[-1] != "A" else "B")).list_buckets)
refused("InvalidAccessKeyId", other(token=None).list_buckets)
refused("InvalidAccessKeyId", other(token=token[:-2]).list_buckets)
refused("AuthorizationHeaderMalformed", other(region="eu-west-1").list_buckets)
refused(403, other(signature_version="s3").list_buckets)
refused("NotImplemented", s3.put_bucket_acl, Bucket="corpus", ACL="public-read")
refused("NotImplemented", s3.put_bucket_policy, Bucket="corpus", Policy="{}")
refused("NotImplemented", s3.put_bucket_website, Bucket="corpus", WebsiteConfiguration={})
assert hashlib.sha256(s3.get_object(Bucket="corpus", Key="sum")["Body"].read()).digest()[:2] == b"\xba\x78"
print("done")
