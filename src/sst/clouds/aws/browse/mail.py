"""Mails of a sender, where they are kept: on stage ``local``.

Source: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Item, Listing, Row
from ....core.model import State
from ....errors import UserError
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["MailBrowser"]

SHOWN = 200


class MailBrowser(ResourceBrowser):
    type = "aws.sesv2.EmailIdentity"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._sender = calls, str(state.values.get("name") or state.id)

    def rows(self, query: Mapping[str, str]) -> Listing:
        mails = self._mails()
        rows = tuple(Row(m["MessageId"], (m["Timestamp"], m["Subject"], ", ".join(_to(m)), m["Source"]))
                     for m in mails[:SHOWN])
        note = "" if self._calls.mails else "SES keeps no mails: only stage local shows what was sent."
        if len(mails) > SHOWN:
            note = f"The last {SHOWN} of {len(mails):,} mails."
        own = "" if "@" in self._sender else f"hello@{self._sender}"
        send = Action("send", "Send a mail", (
            *((Field("from", "From", value=own),) if own else ()),
            Field("to", "To", value="success@simulator.amazonses.com"),
            Field("subject", "Subject", value="Test"), Field("text", "Text", "long")),
            f"aws sesv2 send-email --from-email-address {own or self._sender} --destination TO --content TEXT")
        return Listing((Column("Sent", "time"), Column("Subject"), Column("To"), Column("From")), rows, "",
                       {"Sender": self._sender, "Mails": len(mails)}, (), (send,), note)

    def item(self, id: str) -> Item:
        found = next((m for m in self._mails() if m["MessageId"] == id), None)
        if found is None:
            raise UserError("this mail is no longer kept", hint="`sst local reset` deletes them all")
        text, html = found.get("BodyText") or "", found.get("BodyHtml") or ""
        both = f"{text}\n\n--- HTML ---\n{html}" if text and html else text or html
        copies = {label: ", ".join(found[key]) for label, key in (("Cc", "CC"), ("Bcc", "BCC")) if found.get(key)}
        return Item(id, both, "text", facts={"From": found["Source"], "To": ", ".join(found.get("To") or ()), **copies,
                                             "Subject": found["Subject"]})

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"send": self._send}

    def _send(self, id: str, values: Mapping[str, str]) -> Any:
        to = [address.strip() for address in values.get("to", "").split(",") if address.strip()]
        if not to:
            raise UserError("a mail needs someone to get it", hint="addresses, separated by commas")
        answer = self._calls("sesv2", "send_email", {
            "FromEmailAddress": values.get("from") or self._sender, "Destination": {"ToAddresses": to},
            "Content": {"Simple": {"Subject": {"Data": values.get("subject", "")},
                                   "Body": {"Text": {"Data": values.get("text", "")}}}}})
        return {"sent": answer["MessageId"]}

    def _mails(self) -> Sequence[Mapping[str, Any]]:
        """Those from this sender, the newest first."""
        kept = self._calls.mails() if self._calls.mails else ()
        return sorted((m for m in kept if self._own(parseaddr(str(m["Source"]))[1])), key=lambda m: -m["Timestamp"])

    def _own(self, address: str) -> bool:
        domain = address.rpartition("@")[2]
        return self._sender == address or domain == self._sender or domain.endswith(f".{self._sender}")


def _to(mail: Mapping[str, Any]) -> list[str]:
    return [*(mail.get("To") or ()), *(mail.get("CC") or ()), *(mail.get("BCC") or ())]
