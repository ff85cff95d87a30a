"""A small SMTP server on a free port, real enough for smtplib: TLS by STARTTLS, login, refusals."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default


@dataclass
class MailServer:
    """What it has taken, and how it behaves.

    busy     so many first connections are answered with 421
    refuses  addresses to which 550 is answered
    login    (name, password) without which it takes nothing; needs `trust`
    trust    certificate for STARTTLS
    """

    busy: int = 0
    refuses: tuple[str, ...] = ()
    login: tuple[str, str] | None = None
    trust: ssl.SSLContext | None = None
    port: int = 0
    mails: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    were_encrypted: list[bool] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, RFC 5321 with STARTTLS and AUTH PLAIN."""
        self.connections += 1
        is_encrypted, is_logged_in = False, self.login is None

        async def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        if self.connections <= self.busy:
            await say("421 come back later")
            writer.close()
            return
        await say("220 test")
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("EHLO"):
                offers = ["250-test"]
                if self.trust is not None and not is_encrypted:
                    offers.append("250-STARTTLS")
                if is_encrypted or self.trust is None:
                    offers.append("250-AUTH PLAIN")
                await say("\r\n".join([*offers, "250 SIZE 1000000"]))
            elif verb == "STARTTLS" and self.trust is not None:
                await say("220 go ahead")
                await writer.start_tls(self.trust)
                is_encrypted = True
            elif verb.startswith("AUTH PLAIN"):
                _, name, password = base64.b64decode(line.split()[2]).decode().split("\0")
                is_logged_in = (name, password) == self.login
                await say("235 welcome" if is_logged_in else "535 wrong name or password")
            elif verb.startswith("RCPT"):
                address = line[line.index("<") + 1 : line.index(">")]
                if address in self.refuses:
                    await say("550 nobody of that name")
                else:
                    self.recipients.append(address)
                    await say("250 fine")
            elif verb.startswith("MAIL") and not is_logged_in:
                await say("530 log in first")
            elif verb == "DATA":
                await say("354 go on")
                content = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(message_from_bytes(content[:-5], policy=default))
                self.were_encrypted.append(is_encrypted)
                await say("250 taken")
            elif verb == "QUIT":
                await say("221 bye")
                writer.close()
                return
            else:
                await say("250 fine")


@contextmanager
def running(server: MailServer) -> Iterator[MailServer]:
    """`server` on 127.0.0.1 and a free port, in a thread, until the end of the block."""
    loop = asyncio.new_event_loop()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(server.serve, "127.0.0.1", 0)

    listening = loop.run_until_complete(start())
    server.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
