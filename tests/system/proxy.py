"""A TCP proxy that is a bad network: it delays, cuts what it forwards into random pieces, limits the rate, resets
connections in the middle of a packet, or swallows everything without a word. What it does is a function of its seed and
of the bytes that pass."""

import asyncio
import contextlib
import random
import socket
import struct
import threading

PIECE = 65536


class Proxy:
    """Listens on a free loopback port and forwards to `target`, with a thread of its own. The attributes may be changed
    at any time:

    delay_ms   (least, most) before each piece, per direction
    piece      (least, most) bytes forwarded at once; None: as they come
    rate       bytes a second, per direction; None: no limit
    reset_after (least, most) bytes after which a connection is reset; None: never
    most_resets no more than so many; None: no bound
    swallow    True: connections stand, and nothing gets through (half-open)
    refuse     True: new connections are reset at once
    """

    def __init__(self, target, seed=0, delay_ms=(0, 0), piece=None, rate=None, reset_after=None,
                 most_resets=None):
        self.target, self.seed = target, seed
        self.delay_ms, self.piece, self.rate, self.reset_after = delay_ms, piece, rate, reset_after
        self.most_resets = most_resets
        self.swallow = self.refuse = False
        self.connections = self.resets = self.bytes = 0
        self._links = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def reset_all(self):
        """Resets every connection now."""
        self._loop.call_soon_threadsafe(lambda: [link.reset() for link in list(self._links)])

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        server.close()
        for link in list(self._links):
            link.reset()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        link = _Link(self, writer, random.Random(f"{self.seed}:{self.connections}"))
        self._links.add(link)
        try:
            if self.refuse:
                return
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.target)
            link.writers.append(back_writer)
            await asyncio.wait([asyncio.ensure_future(link.pump(reader, back_writer)),
                                asyncio.ensure_future(link.pump(back_reader, writer))],
                               return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # nobody listens behind the proxy: the client sees a reset
        finally:
            link.reset()
            self._links.discard(link)


class _Link:
    def __init__(self, proxy, writer, chance):
        self.proxy, self.writers, self.chance = proxy, [writer], chance
        self.left = chance.randint(*proxy.reset_after) if proxy.reset_after else None

    def reset(self):
        """Both ends see a reset, whatever was under way."""
        for writer in self.writers:
            if not writer.transport.is_closing():
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                               struct.pack("ii", 1, 0))
                writer.transport.abort()

    def _spared(self):
        return self.proxy.most_resets is not None and self.proxy.resets >= self.proxy.most_resets

    async def pump(self, reader, writer):
        """Until one end is closed or the connection is reset. An orderly end is passed on in order."""
        proxy = self.proxy
        with contextlib.suppress(OSError):
            while True:
                data = await reader.read(self.chance.randint(*proxy.piece) if proxy.piece else PIECE)
                if not data:
                    await writer.drain()
                    writer.write_eof()
                    await writer.drain()
                    return
                if proxy.swallow:
                    continue
                least, most = proxy.delay_ms
                if most > 0:
                    await asyncio.sleep(self.chance.uniform(least, most) / 1000)
                if proxy.rate:
                    await asyncio.sleep(len(data) / proxy.rate)
                if self.left is not None and len(data) >= self.left and not self._spared():
                    writer.write(data[:self.left])
                    await writer.drain()
                    await asyncio.sleep(0.001)  # so that the part of a packet leaves before the reset
                    proxy.resets += 1
                    return
                self.left = None if self.left is None else max(0, self.left - len(data))
                writer.write(data)
                proxy.bytes += len(data)
                await writer.drain()
