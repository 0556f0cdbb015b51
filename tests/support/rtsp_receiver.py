"""A server that others publish to over RTSP: GStreamer's, in its RECORD mode. Prints its port when it is ready.

Arguments: port (0: any), the file for the H.264 that arrives, and user:password or nothing.
"""

from __future__ import annotations

import sys


def receive(port: str, file: str, login: str) -> None:
    """Receive what is published under /tracked, until the process is killed."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer
    from rtsp_server import protect

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_launch(
        "( rtph264depay name=depay0 ! video/x-h264,stream-format=byte-stream,alignment=au"
        f" ! filesink location={file} append=true buffer-mode=unbuffered )"
    )
    if login:
        protect(GstRtspServer, server, factory, login, pem="")
    server.get_mount_points().add_factory("/tracked", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    receive(*sys.argv[1:4])
