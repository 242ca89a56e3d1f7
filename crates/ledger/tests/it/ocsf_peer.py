"""Validates OCSF events, one JSON object a line on standard input, against the schema that ocsf-json-schema packs."""

import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

schema = get_ocsf_schema("1.8.0")
embedded = OcsfJsonSchemaEmbedded(schema)
names = {body["uid"]: name for name, body in schema["classes"].items()}
validators, count, bad = {}, 0, 0
for line in sys.stdin:
    event = json.loads(line)
    uid = event["class_uid"]
    if uid not in validators:
        validators[uid] = jsonschema.Draft202012Validator(embedded.get_class_schema(names[uid], []))
    for error in validators[uid].iter_errors(event):
        bad += 1
        print(event["message"], uid, error.json_path, error.message[:300], file=sys.stderr)
    activity = str(event["activity_id"])
    if activity not in schema["classes"][names[uid]]["attributes"]["activity_id"]["enum"]:
        bad += 1
        print(event["message"], uid, "unknown activity", activity, file=sys.stderr)
    count += 1
print(f"{count} events, {bad} errors")
sys.exit(1 if bad or not count else 0)
