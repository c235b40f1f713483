"""The shapes of Ekiden's messages as JSON Schemas, for the AsyncAPI document (spec/ekiden.md 2 to 6).

Tables of data: `REQUESTS` and `REPLIES` have the fields of what a client and the server say besides events, `DATA` what
is in an event's `data` on each channel.
"""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.ekiden import spec

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
DECIMAL: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
WHOLE: Schema = {"type": "string", "pattern": r"^\d+$"}
MS_TEXT: Schema = {**WHOLE, "description": "Milliseconds since the epoch."}
MS: Schema = {"type": "integer", "minimum": 0, "description": "Milliseconds since the epoch."}
U64: Schema = {"type": "integer", "minimum": 0, "maximum": spec.U64_END - 1, "description": "Nanoseconds."}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
NOTHING: Schema = {"type": "null"}
UUID: Schema = {"type": "string", "format": "uuid"}
ADDRESS: Schema = {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
SIDE: Schema = {"type": "string", "enum": ["Buy", "Sell"]}
ORDER_TYPE: Schema = {"type": "string", "enum": ["Limit", "Market"]}
MARGIN: Schema = {"type": "string", "enum": ["Cross", "Isolated"]}
REQ_ID: Schema = {"type": ["string", "integer"], "description": "Repeated in the reply, in its own type."}


def listed(item: Schema, **more: Any) -> Schema:
    """An array of items."""
    return {"type": "array", "items": item, **more}


def record(fields: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """An object with all these fields, but for the optional ones."""
    return {"type": "object", "properties": fields, "required": [name for name in fields if name not in optional]}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"oneOf": [schema, {"type": "null"}]}


def coded(codes: tuple[str, ...]) -> Schema:
    """A text that begins with one of these codes, and may go on with a detail."""
    return {"type": "string", "pattern": rf"^({'|'.join(codes)})(: |$)"}


TOPICS = listed(TEXT, minItems=1, maxItems=spec.MAX_ARGS)

REQUESTS: dict[str, Schema] = {
    spec.SUBSCRIBE: {"args": TOPICS},
    spec.UNSUBSCRIBE: {"args": TOPICS},
    spec.PING: {"ts": U64},
    spec.AUTH: {"bearer": TEXT},
    spec.AUTH_API_KEY: {"api_key": TEXT, "signature": TEXT, "timestamp_ms": MS, "nonce": TEXT},
}
"""Fields besides `op` and `req_id`; `ts` alone is optional."""

REPLIES: dict[str, Schema] = {
    "subscribed": {"args": TOPICS},
    "unsubscribed": {"args": TOPICS},
    "pong": {"server_ts": U64, "client_ts": U64},
    "error": {"message": coded(spec.ERRORS)},
    "auth": {"success": FLAG, "user_id": ADDRESS, "message": coded(spec.AUTH_ERRORS)},
}
"""Fields besides `op` and `req_id`."""

OPTIONAL = ("req_id", "ts", "client_ts", "user_id", "message")
"""Fields that may be missing; an error's message never is."""

LEVELS = listed({"type": "array", "items": DECIMAL, "minItems": 2, "maxItems": 2})

_ORDER = record(
    {
        "order_id": UUID,
        "order_link_id": or_null(TEXT),
        "symbol": TEXT,
        "sub_account_address": ADDRESS,
        "price": DECIMAL,
        "qty": DECIMAL,
        "side": SIDE,
        "leverage": DECIMAL,
        "margin_mode": MARGIN,
        "order_status": TEXT,
        "create_type": or_null(TEXT),
        "cancel_type": or_null(TEXT),
        "reject_reason": or_null(TEXT),
        "avg_price": DECIMAL,
        "leaves_qty": DECIMAL,
        "leaves_value": DECIMAL,
        "cum_exec_qty": DECIMAL,
        "cum_exec_value": DECIMAL,
        "cum_exec_fee": DECIMAL,
        "closed_pnl": or_null(DECIMAL),
        "time_in_force": {"oneOf": [TEXT, record({"GTD": MS})]},
        "expire_time": or_null(MS_TEXT),
        "order_type": ORDER_TYPE,
        "stop_order_type": or_null(TEXT),
        "tpsl": NOTHING,
        "trigger": or_null(record({"trigger_price": DECIMAL, "trigger_direction": TEXT, "trigger_by": TEXT})),
        "last_price_on_created": DECIMAL,
        "post_only": FLAG,
        "reduce_only": FLAG,
        "close_on_trigger": FLAG,
        "created_time": MS_TEXT,
        "updated_time": MS_TEXT,
    }
)

_EXECUTION = record(
    {
        "exec_id": UUID,
        "symbol": TEXT,
        "order_id": UUID,
        "order_link_id": or_null(TEXT),
        "side": SIDE,
        "sub_account_address": ADDRESS,
        "order_price": DECIMAL,
        "order_qty": DECIMAL,
        "leaves_qty": DECIMAL,
        "create_type": or_null(TEXT),
        "order_type": ORDER_TYPE,
        "stop_order_type": or_null(TEXT),
        "exec_price": DECIMAL,
        "exec_qty": DECIMAL,
        "exec_value": DECIMAL,
        "exec_type": TEXT,
        "exec_time": MS_TEXT,
        "is_maker": FLAG,
        "fee_rate": DECIMAL,
        "mark_price": DECIMAL,
        "index_price": DECIMAL,
        "closed_size": or_null(DECIMAL),
        "seq": COUNT,
    }
)

_POSITION_DECIMALS = [
    "risk_limit_value",
    "size",
    "avg_price",
    "position_value",
    "position_balance",
    "leverage",
    "mark_price",
    "liq_price",
    "bust_price",
    "position_im",
    "position_im_by_mp",
    "position_mm",
    "position_mm_by_mp",
    "unrealized_pnl",
    "unrealized_funding",
    "realized_pnl_cur",
    "realized_pnl_cum",
    "cum_funding",
]

_POSITION = record(
    {
        "risk_id": COUNT,
        "symbol": TEXT,
        "sub_account_address": ADDRESS,
        "side": SIDE,
        "margin_mode": MARGIN,
        "position_status": {"type": "string", "enum": ["Normal", "Liq", "Adl"]},
        **dict.fromkeys(_POSITION_DECIMALS, DECIMAL),
        **dict.fromkeys(("take_profit", "stop_loss", "trailing_stop"), NOTHING),
        "adl_rank_indicator": {"type": "string", "enum": ["Zero", "One", "Two", "Three", "Four", "Five"]},
        "is_reduce_only": FLAG,
        "created_time": MS_TEXT,
        "updated_time": MS_TEXT,
        "seq": COUNT,
    }
)

_BALANCE_DECIMALS = [
    "equity",
    "vault_balance",
    "margin_balance",
    "available_balance",
    "accrued_interest",
    "total_order_im",
    "total_position_im",
    "total_position_mm",
    "unrealised_pnl",
    "unrealized_funding",
    "realised_pnl_cum",
]

_TICKER_DECIMALS = [
    "last_price",
    "index_price",
    "mark_price",
    "prev_price_24h",
    "high_price_24h",
    "low_price_24h",
    "prev_price_1h",
    "volume_24h",
    "turnover_24h",
    "open_interest",
    "open_interest_value",
    "funding_rate",
    "best_ask_size",
    "best_ask_price",
    "best_bid_size",
    "best_bid_price",
]

_POOL_DECIMALS = [
    "cash_balance",
    "realized_pnl_cum",
    "unrealized_pnl",
    "base_equity",
    "equity",
    "group_redistribution_in",
    "group_redistribution_out",
    "group_adl_obligation",
    "latest_pnl_ratio",
]

_ADL = {
    "pool_id": TEXT,
    "pool_group_id": TEXT,
    "adl_mode": {"type": "string", "enum": ["Normal", "Elevated"]},
    "adl_trigger_reason": or_null(TEXT),
    "updated_time": MS,
}

_INVENTORY = record(
    {"symbol": TEXT, "side": SIDE, "size": DECIMAL, "avg_entry_price": DECIMAL, "unrealized_pnl": DECIMAL}
)

DATA: dict[str, Schema] = {
    spec.ORDERBOOK: record(
        {"s": TEXT, "ts": MS_TEXT, "mts": MS_TEXT, "u": COUNT, "seq": COUNT, "a": LEVELS, "b": LEVELS}
    ),
    spec.TRADE: listed(
        record({"i": TEXT, "s": TEXT, "S": SIDE, "p": DECIMAL, "v": DECIMAL, "seq": COUNT, "T": MS_TEXT}), minItems=1
    ),
    spec.TICKER: record(
        {"symbol": TEXT, "addr": ADDRESS, **dict.fromkeys(_TICKER_DECIMALS, DECIMAL), "next_funding_time": MS_TEXT}
    ),
    spec.KLINE: record(
        {
            "t": MS_TEXT,
            "i": {"type": "string", "enum": list(spec.INTERVALS)},
            **dict.fromkeys("ohlc", DECIMAL),
            "T": MS_TEXT,
            "v": DECIMAL,
            "n": WHOLE,
        }
    ),
    spec.LIQUIDATIONS: listed(
        record(
            {
                "symbol": TEXT,
                "side": SIDE,
                "exec_size": DECIMAL,
                "bust_price": DECIMAL,
                "timestamp": MS,
                "reason": TEXT,
            },
            ("reason",),
        )
    ),
    spec.POOL: record({**_ADL, **dict.fromkeys(_POOL_DECIMALS, DECIMAL), "inventory": listed(_INVENTORY)}),
    spec.ADL: record({**_ADL, "symbol": TEXT, "latest_pnl_ratio": or_null(DECIMAL), "equity": DECIMAL}),
    spec.ORDER: listed(_ORDER, minItems=1),
    spec.EXECUTION: listed(_EXECUTION, minItems=1),
    spec.POSITION: listed(_POSITION, minItems=1),
    spec.BALANCE: listed(
        record(
            {
                "sub_account_address": ADDRESS,
                "account_type": TEXT,
                "coin": TEXT,
                **dict.fromkeys(_BALANCE_DECIMALS, DECIMAL),
            }
        ),
        minItems=1,
    ),
}
