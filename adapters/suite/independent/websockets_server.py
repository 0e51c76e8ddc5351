"""A WebSocket server on Python's `websockets`, which does to each client what the path says.

Arguments: a certificate and its key, as PEM files, for the port with TLS. Prints the two ports, and then a line
for each client that has left: the path, and the code of the Close frame that the client sent, or `-`.

The paths are those of `ws_server.cjs`, which does the same on Node's `ws`.
"""

import asyncio
import http
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

ANSWER = '{"id":1,"status":200}'
TRADE = '{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}'
PINGS = 2_000
# Longer than a client waits for an answer to its Close frame.
DEAF_SECONDS = 3
# The longest message that a client takes.
MESSAGE_BYTES_MAX = 4 << 20


def raw(connection, data):
    """Writes bytes past the protocol."""
    connection.transport.write(data)


async def behave(connection, path):
    _, kind, *rest = path.split("/")
    if kind == "silent":
        return await connection.wait_closed()
    await connection.recv()
    await connection.send(ANSWER)
    if kind == "trade":
        await connection.send(TRADE)
    elif kind == "fragments":
        await connection.send([TRADE[:10], TRADE[10:11], "", TRADE[11:]])
    elif kind == "mute":
        await connection.send(TRADE)
        # What the client asks from now on is read, and not answered.
    elif kind == "deaf":
        await connection.send(TRADE)
        connection.transport.pause_reading()
        await asyncio.sleep(DEAF_SECONDS)
        connection.transport.resume_reading()
    elif kind == "close":
        if rest:
            await connection.close(int(rest[0]), "as asked for")
        else:
            connection.protocol.send_close()
            raw(connection, b"".join(connection.protocol.data_to_send()))
    elif kind == "abort":
        connection.transport.abort()
    elif kind == "torn":
        raw(connection, b"\x81\x7e\x01\x00" + TRADE.encode())
        connection.transport.close()
    elif kind == "pings":
        for number in range(PINGS):
            answered = await connection.ping(str(number).rjust(100))
        await answered
        await connection.send(TRADE)
    elif kind == "large":
        await connection.send(TRADE.ljust(MESSAGE_BYTES_MAX))
    elif kind == "larger":
        await connection.send(TRADE.ljust(MESSAGE_BYTES_MAX + 1))
    elif kind == "utf8":
        raw(connection, b"\x81\x03{\xff}")
    elif kind == "masked":
        raw(connection, b"\x81\x82\0\0\0\0{}")
    elif kind == "reserved":
        raw(connection, b"\xf1\x02{}")
    async for _ in connection:
        pass


async def on_client(connection):
    path = connection.request.path.split("?")[0]
    try:
        await behave(connection, path)
    except Exception:  # The client closed first; the code below reports how.
        pass
    await asyncio.wait_for(connection.wait_closed(), 30)
    received = connection.protocol.close_rcvd
    print(path, received.code if received else "-", flush=True)


def on_request(connection, request):
    _, kind, *rest = request.path.split("?")[0].split("/")
    if kind == "refuse":
        status, *delay = map(int, rest)
        headers = Headers({"Content-Length": "0", "Connection": "close"})
        if delay:
            headers["Retry-After"] = str(delay[0])
        return Response(status, http.HTTPStatus(status).phrase, headers)
    if kind == "redirect":
        headers = Headers({"Location": "/trade", "Content-Length": "0", "Connection": "close"})
        return Response(302, "Found", headers)
    return None


async def main(certificate, key):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    options = {"process_request": on_request, "ping_interval": None, "compression": None}
    async with (
        serve(on_client, "127.0.0.1", 0, **options) as plain,
        serve(on_client, "127.0.0.1", 0, ssl=tls, **options) as secure,
    ):
        ports = (server.sockets[0].getsockname()[1] for server in (plain, secure))
        print(*ports, flush=True)
        await asyncio.Future()


asyncio.run(main(*sys.argv[1:]))
