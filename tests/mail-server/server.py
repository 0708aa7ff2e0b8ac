"""A mail server for tests: keeps what it receives in a folder, and asks for a password if one is given.

Arguments: port, folder, password or nothing, encryption (none, tls or starttls).
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult


def server(folder, password, starttls):
    def check(_server, _session, _envelope, _mechanism, entered):
        is_right = entered.login == b"fortnight" and entered.password == password.encode()
        # what is not handled here, the server refuses in its usual words
        return AuthResult(success=is_right, handled=False)

    settings = {}
    if password:
        settings = {"authenticator": check, "auth_required": True, "auth_require_tls": starttls is not None}
    if starttls is not None:
        settings |= {"tls_context": starttls, "require_starttls": True}
    return SMTP(Mailbox(folder), **settings)


async def main(port, folder, password, encryption):
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # for localhost, by authority.pem
    context.load_cert_chain(pathlib.Path(__file__).with_name("certificate.pem"))
    starttls = context if encryption == "starttls" else None
    listening = await loop.create_server(
        lambda: server(folder, password, starttls),
        "127.0.0.1",
        int(port),
        ssl=context if encryption == "tls" else None,
    )
    await listening.serve_forever()


asyncio.run(main(*sys.argv[1:]))
