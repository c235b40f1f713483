"""The operator's port of a process that is first one thing and then another."""

from __future__ import annotations

from polyfeed.app.config import Config
from polyfeed.app.gateway_role import port_limits
from polyfeed.app.ports import set_by
from polyfeed.gateway.listener import Listener
from polyfeed.gateway.rest import App, Receive, Scope, Send


class OperatorPort:
    """Listens from the first `serve` to `drain`; requests are answered by whatever is served last."""

    def __init__(self, config: Config) -> None:
        self._section = config.http
        self._listener = Listener(self._answer, port_limits(config))
        self._app: App | None = None
        self._number = 0

    async def serve(self, app: App) -> int:
        """From now on this one answers; the number of the port. Raises OSError that names the address."""
        listens, self._app = self._app is not None, app
        if not listens:
            with set_by("http.port"):
                self._number = await self._listener.open(self._section.host, self._section.port)
        return self._number

    async def drain(self, seconds: float) -> None:
        """Ends, with what is being answered, within that time."""
        await self._listener.drain(seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None
        await self._app(scope, receive, send)
