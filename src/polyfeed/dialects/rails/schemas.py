"""The shapes of Rails' messages as JSON Schemas, for the AsyncAPI document (spec/rails.md 2 to 7).

Tables of data: `CONTENT` has the fields of each request's content and which of them are required, `DATA` what is in
`data` of each result type.
"""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.rails import spec

Schema = dict[str, Any]

DECIMAL: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
UUID: Schema = {"type": "string", "format": "uuid"}
ULID: Schema = {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"}
MILLISECONDS: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
STATUS: Schema = {"type": "integer", "enum": [200, 202, 400, 401, 403, 404, 409, 429]}
SIDE: Schema = {"type": "string", "enum": ["buy", "sell"]}
KIND: Schema = {"type": "string", "enum": ["limit", "market"]}
EXECUTION: Schema = {"type": "string", "enum": ["maker", "taker"]}
STREAM: Schema = {"type": "string", "enum": list(spec.STREAMS)}
STREAMS: Schema = {"type": "array", "items": STREAM}
TRIGGER: Schema = {"type": "string", "enum": sorted(spec.TRIGGER_NAMES.values())}
STATE: Schema = {
    "type": "string",
    "enum": [
        spec.PENDING,
        spec.ACTIVE,
        spec.CANCELLING,
        spec.CANCELLED,
        spec.MODIFYING,
        spec.MODIFIED,
        spec.FILLED,
    ],
}


def record(fields: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """An object with these fields."""
    shape: Schema = {"type": "object", "properties": fields}
    return {**shape, "required": list(required)} if required else shape


def listed(item: Schema) -> Schema:
    """An array of items."""
    return {"type": "array", "items": item}


def reference(name: str) -> Schema:
    """A shape of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


_TRIGGER_FIELDS = {"triggerType": TRIGGER, "triggerPrice": DECIMAL, "triggerCreatedAt": MILLISECONDS}

ORDER = record(
    {
        "market": TEXT,
        "orderId": ULID,
        "orderType": SIDE,
        "tradeType": KIND,
        "price": DECIMAL,
        "quantity": DECIMAL,
        "filledQuantity": DECIMAL,
        "leverage": DECIMAL,
        "createdAt": MILLISECONDS,
        "updatedAt": MILLISECONDS,
        "orderStatus": STATE,
        "clientRequestId": TEXT,
        "postOnly": FLAG,
        "avgFillPrice": DECIMAL,
        **_TRIGGER_FIELDS,
    },
    (
        "market",
        "orderId",
        "orderType",
        "tradeType",
        "price",
        "quantity",
        "filledQuantity",
        "leverage",
        "createdAt",
        "updatedAt",
        "orderStatus",
        "postOnly",
    ),
)

LEVEL = record({"orderType": SIDE, "price": DECIMAL, "quantity": DECIMAL}, ("orderType", "price", "quantity"))

_MATCH_FIELDS = {
    "executionType": EXECUTION,
    "matchId": UUID,
    "orderType": SIDE,
    "price": DECIMAL,
    "quantity": DECIMAL,
    "updatedAt": MILLISECONDS,
}
MATCH = record(_MATCH_FIELDS, tuple(_MATCH_FIELDS))

_FILL_FIELDS = {
    "market": TEXT,
    "orderId": ULID,
    "matchId": UUID,
    "orderType": SIDE,
    "tradeType": KIND,
    "executionType": EXECUTION,
    "fillType": {"type": "string", "enum": ["partial", "complete"]},
    "price": DECIMAL,
    "quantity": DECIMAL,
    "leverage": DECIMAL,
    "fees": DECIMAL,
    "orderCreatedAt": MILLISECONDS,
    "orderFilledAt": MILLISECONDS,
    **_TRIGGER_FIELDS,
}
FILL = record(_FILL_FIELDS, tuple(_FILL_FIELDS))

COMPONENTS = {"Order": ORDER, "Level": LEVEL, "Match": MATCH, "Fill": FILL}

# --- requests ---------------------------------------------------------------------------------------------------------

_SUBSCRIPTIONS = ({"subscriptions": STREAMS}, ("subscriptions",))

CONTENT: dict[str, tuple[dict[str, Schema], tuple[str, ...]]] = {
    spec.PING: ({}, ()),
    spec.SUBSCRIBE: _SUBSCRIPTIONS,
    spec.UNSUBSCRIBE: _SUBSCRIPTIONS,
    spec.EMIT_BOOK: ({}, ()),
    spec.EMIT_TRADES: (
        {
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": spec.SNAPSHOT_LIMIT,
                "default": spec.SNAPSHOT_DEFAULT,
            }
        },
        (),
    ),
    spec.CREATE: (
        {
            "orderType": SIDE,
            "tradeType": KIND,
            "quantity": DECIMAL,
            "price": DECIMAL,
            "postOnly": FLAG,
            "maxSlippage": {**DECIMAL, "default": "0.02"},
            "leverage": DECIMAL,
            "triggerType": {"type": "string", "enum": list(spec.TRIGGERS), "default": "none"},
            "triggerPrice": DECIMAL,
        },
        ("orderType", "tradeType", "quantity"),
    ),
    spec.CANCEL: (
        {"orderId": ULID, "cancelBy": {"type": "string", "const": "orderId"}},
        ("orderId", "cancelBy"),
    ),
    spec.MODIFY: ({"orderId": ULID, "price": DECIMAL, "quantity": DECIMAL}, ("orderId",)),
    spec.LEVERAGE: ({"leverage": {"type": "string", "pattern": r"^[1-9]\d*$"}}, ("leverage",)),
}

# --- results ----------------------------------------------------------------------------------------------------------

_ORDER_RESULT = record(
    {
        "statusCode": STATUS,
        "body": TEXT,
        "order": reference("Order"),
        "clientRequestId": TEXT,
        "apiQuotaUsed": {"type": "integer"},
    },
    ("statusCode", "body"),
)


def _subscribed(requested: str) -> Schema:
    fields = {"activeSubscriptions": STREAMS, "clientRequestId": UUID, requested: STREAMS}
    return record({**fields, "statusCode": STATUS, "body": TEXT})


def _rows(item: str, *, timed: bool) -> Schema:
    fields: dict[str, Schema] = {"clientRequestId": UUID, "orders": listed(reference(item)), "statusCode": STATUS}
    if timed:
        fields["ts"] = MILLISECONDS
    return record({**fields, "body": TEXT}, ("statusCode",))


DATA: dict[str, Schema] = {
    "pong": record({"clientRequestId": UUID, "statusCode": STATUS, "body": TEXT}, ("statusCode",)),
    "subscribed": _subscribed("requestedSubscriptions"),
    "unsubscribed": _subscribed("requestedUnsubscriptions"),
    spec.BOOK: _rows("Level", timed=True),
    spec.BOOK_DELTA: _rows("Level", timed=True),
    spec.PUBLIC_FILLS: _rows("Match", timed=False),
    spec.PUBLIC_FILLS_DELTA: _rows("Match", timed=False),
    spec.FILLS_DELTA: listed(reference("Fill")),
    **dict.fromkeys(
        (spec.CREATE, spec.CANCEL, spec.MODIFY, spec.LEVERAGE, spec.REJECT, spec.PARTIAL_FILL, spec.FILL, spec.ERROR),
        _ORDER_RESULT,
    ),
}
"""By result type. An error of a request has `statusCode`, `body` and `clientRequestId` only."""

EVENTS = {
    spec.ORDERS: (spec.CREATE, spec.MODIFY, spec.CANCEL, spec.PARTIAL_FILL, spec.FILL, spec.REJECT),
    spec.TRADES: (spec.FILLS_DELTA,),
    spec.PUBLIC_TRADES: (spec.PUBLIC_FILLS_DELTA,),
    spec.PUBLIC_BOOK: (spec.BOOK_DELTA, spec.BOOK),
}
"""What each stream says."""
