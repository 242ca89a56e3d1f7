"""For pytest: clients of the suite send the session tokens that their keys come with, and each outcome is written as a line."""

import json
import os

import boto3

with open(os.environ["CORDON_EVAL_TOKENS"]) as file:
    TOKENS = json.load(file)

PLAIN_CLIENT = boto3.client
PLAIN_RESOURCE = boto3.resource


def with_token(make):
    def made(*arguments, **named):
        token = TOKENS.get(named.get("aws_access_key_id"))
        if token:
            named.setdefault("aws_session_token", token)
        return make(*arguments, **named)

    return made


boto3.client = with_token(PLAIN_CLIENT)
boto3.resource = with_token(PLAIN_RESOURCE)


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        name = report.nodeid.split("::")[-1].split("[")[0]
        why = "" if report.outcome == "passed" else str(report.longrepr).strip().splitlines()[-1][:200]
        line = {"name": name, "outcome": report.outcome, "when": report.when, "why": why}
        with open(os.environ["CORDON_EVAL_OUTCOMES"], "a") as file:
            file.write(json.dumps(line) + "\n")
