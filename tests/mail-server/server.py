"""A mail server for tests: keeps what it receives in a folder, and asks for a password if one is given."""

import asyncio
import sys

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult


def server(folder, password):
    def check(_server, _session, _envelope, _mechanism, entered):
        is_right = entered.login == b"fortnight" and entered.password == password.encode()
        # what is not handled here, the server refuses in its usual words
        return AuthResult(success=is_right, handled=False)

    if not password:
        return SMTP(Mailbox(folder))
    return SMTP(Mailbox(folder), authenticator=check, auth_required=True, auth_require_tls=False)


async def main(port, folder, password):
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: server(folder, password), "127.0.0.1", int(port))
    await listening.serve_forever()


asyncio.run(main(*sys.argv[1:]))
