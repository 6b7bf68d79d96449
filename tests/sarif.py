"""SARIF 2.1.0 as JSON schemas: the official one (release 5, from the package @microsoft/jest-sarif, MIT), and what of it
reslint writes and GitHub asks for, within GitHub's limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

Schema = Mapping[str, object]

OFFICIAL: Schema = json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text())

TEXT: Schema = {"type": "string", "minLength": 1}
LEVEL: Schema = {"enum": ["none", "note", "warning", "error"]}


def thing(required: Mapping[str, object], optional: Mapping[str, object] | None = None) -> Schema:
    """An object with these properties only."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def many(items: object, most: int = 25_000) -> Schema:
    return {"type": "array", "items": items, "maxItems": most}


MESSAGE = thing({"text": TEXT})
SHORT = thing({"text": {"type": "string", "minLength": 1, "maxLength": 1024}})  # GitHub's limit
ARTIFACT = thing({"uri": {"type": "string", "format": "uri-reference", "pattern": "^[!-~]+$"}}, {"uriBaseId": TEXT})
FROM_ONE: Schema = {"type": "integer", "minimum": 1}
REGION = thing(dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), FROM_ONE))
PHYSICAL = thing({"artifactLocation": ARTIFACT, "region": REGION})
LOGICAL = thing({"fullyQualifiedName": TEXT, "kind": {"enum": ["module", "member"]}}, {"name": TEXT})
LOCATION = thing(
    {"physicalLocation": PHYSICAL},
    {"logicalLocations": many(LOGICAL), "message": MESSAGE, "id": {"type": "integer", "minimum": 0}},
)
RULE = thing(
    {
        "id": {"type": "string", "minLength": 1, "maxLength": 255},
        "name": {"type": "string", "maxLength": 255},
        "helpUri": {"type": "string", "format": "uri"},
        "shortDescription": SHORT,
        "fullDescription": SHORT,
        "help": thing({"text": TEXT, "markdown": TEXT}),
        "defaultConfiguration": thing({"level": LEVEL}),
        "properties": thing(
            {
                "tags": many(TEXT, 10),
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "problem.severity": {"enum": ["error", "warning", "recommendation"]},
            }
        ),
    }
)
RESULT = thing(
    {
        "ruleId": TEXT,
        "level": LEVEL,
        "message": MESSAGE,
        "locations": {**many(LOCATION, 1), "minItems": 1},
        "partialFingerprints": {"type": "object", "additionalProperties": TEXT},
    },
    {
        "ruleIndex": {"type": "integer", "minimum": 0},
        "relatedLocations": many(LOCATION, 1000),
        "suppressions": many(
            thing({"kind": {"const": "external"}, "status": {"const": "accepted"}, "justification": TEXT}), 1
        ),
        "properties": {"type": "object"},
    },
)
NOTIFICATION = thing({"level": LEVEL, "message": MESSAGE}, {"locations": many(LOCATION)})
RUN = thing(
    {
        "tool": thing({"driver": thing({"name": TEXT, "version": TEXT, "rules": many(RULE)})}),
        "results": many(RESULT),
    },
    {
        "columnKind": {"const": "unicodeCodePoints"},
        "originalUriBaseIds": {"type": "object"},
        "artifacts": many(thing({"location": ARTIFACT, "roles": many({"enum": ["analysisTarget"]})})),
        "invocations": many(
            thing({"executionSuccessful": {"type": "boolean"}, "toolExecutionNotifications": many(NOTIFICATION)})
        ),
    },
)
LOG = thing({"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": many(RUN, 1)})
