"""What all sessions of the dialect share: the meaning of names, the judge of tokens, the roles."""

from __future__ import annotations

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.auth import Identity, Verifier
from polyfeed.dialects.peatio.ids import account_of, relayed_account
from polyfeed.dialects.peatio.markets import Markets
from polyfeed.dialects.peatio.rbac import read_roles
from polyfeed.dialects.peatio.requests import Reader
from polyfeed.dialects.peatio.settings import PeatioSettings
from polyfeed.dialects.peatio.streams import Namespace


class Desk:
    """The settings, ready for use. `requests` says whether subscribe, unsubscribe, ping and the welcome are spoken."""

    def __init__(self, settings: PeatioSettings, accounts: Accounts, markets: Markets) -> None:
        profile = spec.PROFILES[settings.profile]
        self.profile = profile
        self.jwt_message = settings.jwt_message or (profile.jwt_message and settings.jwt_message == "")
        self.requests = settings.requests or (profile.requests and settings.requests == "")
        self.reader = Reader(
            (settings.auth_replies or profile.replies) if self.jwt_message else "", requests=self.requests
        )
        self.verifier = Verifier(settings)
        self.space = Namespace(profile, markets, relay=settings.relay)
        self.closes_expired = settings.on_expiry == "close"
        self._relay = settings.relay
        self._roles = read_roles(settings.rbac)
        self._accounts = accounts

    def account(self, identity: Identity) -> int:
        """Whose private streams a client hears, 0 for nobody's."""
        if not identity.uid:
            return 0
        return relayed_account(identity.uid) if self._relay else account_of(identity.uid, self._accounts)

    def permits(self, name: str, identity: Identity) -> bool:
        """Whether a client's role may hear a prefixed stream."""
        return identity.role in self._roles.get(name.partition(".")[0], ())
