"""Every operation of the table, on what others have, as those ask who may not: who may know of nothing, who owns something else,
who shows no key, or one that was revoked; and who may read and nothing else. `shelves` makes what is read, and what is owned."""

import os
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

MARK = {"Bucket": "corpus", "Key": "plan"}
UPLOAD = "ov_" + "ab" * 16
OPERATIONS = {
    "ListBuckets": lambda s3: s3.list_buckets(),
    "CreateBucket": lambda s3: s3.create_bucket(Bucket="another"),
    "HeadBucket": lambda s3: s3.head_bucket(Bucket=MARK["Bucket"]),
    "DeleteBucket": lambda s3: s3.delete_bucket(Bucket=MARK["Bucket"]),
    "GetBucketLocation": lambda s3: s3.get_bucket_location(Bucket=MARK["Bucket"]),
    "GetBucketVersioning": lambda s3: s3.get_bucket_versioning(Bucket=MARK["Bucket"]),
    "PutBucketVersioning": lambda s3: s3.put_bucket_versioning(
        Bucket=MARK["Bucket"], VersioningConfiguration={"Status": "Enabled"}
    ),
    "GetBucketTagging": lambda s3: s3.get_bucket_tagging(Bucket=MARK["Bucket"]),
    "PutBucketTagging": lambda s3: s3.put_bucket_tagging(
        Bucket=MARK["Bucket"], Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    ),
    "DeleteBucketTagging": lambda s3: s3.delete_bucket_tagging(Bucket=MARK["Bucket"]),
    "ListObjects": lambda s3: s3.list_objects(Bucket=MARK["Bucket"]),
    "ListObjectsV2": lambda s3: s3.list_objects_v2(Bucket=MARK["Bucket"]),
    "ListObjectVersions": lambda s3: s3.list_object_versions(Bucket=MARK["Bucket"]),
    "PutObject": lambda s3: s3.put_object(**MARK, Body=b"changed"),
    "GetObject": lambda s3: s3.get_object(**MARK),
    "HeadObject": lambda s3: s3.head_object(**MARK),
    "GetObjectTagging": lambda s3: s3.get_object_tagging(**MARK),
    "PutObjectTagging": lambda s3: s3.put_object_tagging(**MARK, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
    "DeleteObjectTagging": lambda s3: s3.delete_object_tagging(**MARK),
    "CopyObject": lambda s3: s3.copy_object(Bucket=MARK["Bucket"], Key="copy", CopySource=MARK),
    "CreateMultipartUpload": lambda s3: s3.create_multipart_upload(**MARK),
    "UploadPart": lambda s3: s3.upload_part(**MARK, UploadId=UPLOAD, PartNumber=1, Body=b"x"),
    "UploadPartCopy": lambda s3: s3.upload_part_copy(**MARK, UploadId=UPLOAD, PartNumber=1, CopySource=MARK),
    "CompleteMultipartUpload": lambda s3: s3.complete_multipart_upload(
        **MARK, UploadId=UPLOAD, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]}
    ),
    "AbortMultipartUpload": lambda s3: s3.abort_multipart_upload(**MARK, UploadId=UPLOAD),
    "ListParts": lambda s3: s3.list_parts(**MARK, UploadId=UPLOAD),
    "ListMultipartUploads": lambda s3: s3.list_multipart_uploads(Bucket=MARK["Bucket"]),
    "DeleteObject": lambda s3: s3.delete_object(**MARK),
    "DeleteObjects": lambda s3: s3.delete_objects(Bucket=MARK["Bucket"], Delete={"Objects": [{"Key": "plan"}]}),
}
assert sorted(OPERATIONS) == sorted(sys.argv[2].split(",")), "each row of the table is asked for, and no other"
plain = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, parameter_validation=False)


def answers(s3, name):
    """The code with which an operation is refused; `done` and what it says when it is not."""
    try:
        answer = OPERATIONS[name](s3)
        answer.pop("ResponseMetadata")
        return "done", answer
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


if sys.argv[1] == "unsigned":
    s3 = boto3.client("s3", config=plain.merge(Config(signature_version=UNSIGNED)))
    for name in OPERATIONS:
        code, status = answers(s3, name)
        assert status == 403, (name, code, status)
elif sys.argv[1] == "person":
    s3 = boto3.client("s3", config=plain)
    for name in OPERATIONS:
        code, told = answers(s3, name)
        if name == "ListBuckets":
            assert code == "done" and told["Buckets"] == [], told
        elif name == "CreateBucket":
            assert code == "AccessDenied", (name, code)
        else:
            # Word for word what is said of a bucket that is not there.
            assert (code, told) in [("NoSuchBucket", 404), ("404", 404)], (name, code, told)
            MARK["Bucket"] = "not-there"
            assert answers(s3, name) == (code, told), name
            MARK["Bucket"] = "corpus"
elif sys.argv[1] == "shelves":
    s3 = boto3.client("s3", config=plain)
    internal = lambda request, **_: request.headers.add_header("x-cordon-label", "internal")
    s3.meta.events.register("before-sign.s3.CreateBucket", internal)
    for bucket in ["shelf", "other"]:
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        s3.put_object(Bucket=bucket, Key="plan", Body=b"a plan")
elif sys.argv[1] == "confidential":
    s3 = boto3.client("s3", config=plain)
    for bucket in ["shelf", "other"]:
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="plan", Body=b"a plan")
    s3.put_object(Bucket="news", Key="held.md", Body="Company " + "confidential: do not " + "distribute.")
elif sys.argv[1] == "stale":
    # Whoever may do everything, and signed in too long ago.
    MARK["Bucket"] = "shelf"
    s3 = boto3.client("s3", config=plain)
    for name, decided in zip(sys.argv[2].split(","), sys.argv[3].split(",")):
        code, told = answers(s3, name)
        if name == "ListBuckets":
            assert code == "done" and told["Buckets"] == [], told
        elif name == "DeleteObjects":
            assert [one["Code"] for one in told["Errors"]] == ["AccessDenied"], (code, told)
        else:
            expected = [("NoSuchUpload", 404), ("AccessDenied", 403)] if decided in ("", "object.write") else []
            assert (code, told) in [*expected, ("AccessDenied", 403), ("403", 403)], (name, decided, code, told)
elif sys.argv[1] == "reader":
    # What a row of the table decides on is what it is: who may read and list is answered where nothing else is decided.
    MARK["Bucket"] = "shelf"
    s3 = boto3.client("s3", config=plain)
    for name, decided in zip(sys.argv[2].split(","), sys.argv[3].split(",")):
        code, told = answers(s3, name)
        if decided == "":
            # Uploads are their own: there is none of that name.
            assert (code, told) == ("NoSuchUpload", 404), (name, code, told)
        elif set(decided.split("+")) <= {"object.read", "object.list"}:
            assert code == "done", (name, code, told)
        else:
            refusals = [("AccessDenied", 403), ("NoSuchUpload", 404)]
            refused = (code, told) in refusals or code == "done" and [one["Code"] for one in told["Errors"]] == ["AccessDenied"]
            assert refused, (name, decided, code, told)
    assert s3.get_object(**MARK)["Body"].read() == b"a plan"
elif sys.argv[1] == "owner-elsewhere":
    s3 = boto3.client("s3", config=plain)
    assert s3.get_object(Bucket="other", Key="plan")["Body"].read() == b"a plan"
    for name in OPERATIONS:
        if name in ["ListBuckets", "CreateBucket"]:
            continue
        code, told = answers(s3, name)
        assert (code, told) in [("NoSuchBucket", 404), ("404", 404)], (name, code, told)
else:
    s3 = boto3.client("s3", config=plain)
    for name in OPERATIONS:
        code, status = answers(s3, name)
        assert (code, status) in [("ExpiredToken", 400), ("400", 400)], (name, code, status)
print("done")
