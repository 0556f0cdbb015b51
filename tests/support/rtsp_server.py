"""A camera over RTSP: GStreamer's server, run by the Python that has its bindings. Prints its port when it is ready.

Arguments: width, height, port (0: any), user:password or nothing, frames per second, the share of packets it loses, and
a file with its key and certificate for TLS, or nothing.
"""

from __future__ import annotations

import sys
from typing import Any

PIPELINE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width={},height={},framerate={}/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15"
    " ! rtph264pay config-interval=1 mtu=100"  # several packets a picture, small as it is
    " ! identity name=pay0 drop-probability={} )"
)


def serve(width: str, height: str, port: str, login: str, fps: str, lost: str, pem: str) -> None:
    """Serves a bouncing ball under /cam, for ever."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(True)
    factory.set_launch(PIPELINE.format(width, height, fps, lost))
    if login or pem:
        protect(GstRtspServer, server, factory, login, pem)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def protect(library: Any, server: Any, factory: Any, login: str, pem: str) -> None:
    token = library.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = library.RTSPAuth()
    if login:
        auth.add_basic(library.RTSPAuth.make_basic(*login.split(":")), token)
    else:
        auth.set_default_token(token)
    if pem:
        from gi.repository import Gio

        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(pem))
    server.set_auth(auth)
    permissions = library.RTSPPermissions()
    for what in ("access", "construct"):
        permissions.add_permission_for_role("user", f"media.factory.{what}", True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    serve(*sys.argv[1:8])
