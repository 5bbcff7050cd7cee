"""What the formats of the document stand for, so that requests come as far as they would by hand."""

import re
import uuid

import schemathesis
from hypothesis import strategies

SENDERS = ["alice@example.org", "Bob@Example.org", "carol", '"d d"@example.org', "erin@[192.0.2.1]", "f@bücher.example"]

schemathesis.openapi.format("address", strategies.sampled_from(SENDERS))
# A cursor that came with the query is nothing to be made up; an empty one counts as not given.
schemathesis.openapi.format("cursor", strategies.just(""))
schemathesis.openapi.format("idempotency-key", strategies.uuids().map(str))
# The one who is added before the checks begin.
schemathesis.openapi.format("operator", strategies.just("olivia@example.org"))

# A feedback report is text.
schemathesis.serializer.alias("message/rfc822", "text/plain")



@schemathesis.hook
def before_call(context, case, kwargs):
    # A key of another request would be refused.
    if re.fullmatch("[!-~]{1,255}", case.headers.get("Idempotency-Key") or ""):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # An empty parameter counts as not given, so it is neither a right value nor a wrong one.
    for name in set(case.query) - {"cursor", "$skiptoken", "recipient"}:
        case.query[name] = case.query[name] or "none"
