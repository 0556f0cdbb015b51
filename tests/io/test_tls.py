"""TLS with self-signed certificates, of a real camera, webhook receiver and broker."""

from __future__ import annotations

import gc
import shutil
import ssl
import subprocess
from pathlib import Path

import numpy as np
import pytest
from http_receiver import Receiver
from mqtt_broker import Broker, wait
from rtsp_camera import RtspCamera

from edgetrack.errors import ConfigError, SourceError
from edgetrack.io.mqtt import MqttSink
from edgetrack.io.sources import open_source
from edgetrack.io.webhook import WebhookSink
from edgetrack.types import Box, Frame, Track

FRAME, TRACK = (
    Frame(np.zeros((48, 64, 3), np.uint8), 0, 0.0),
    Track(Box(1, 2, 3, 4), 0.9, "tracking", 0, name="car"),
)
UNTRUSTED = "its certificate is not trusted: self-signed certificate; if it is the right one, set EDGETRACK_CA_FILE to"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two self-signed certificates for this host with their keys; the second one stands for an impostor."""
    if shutil.which("openssl") is None:
        pytest.skip("needs certificates: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("own", "other"):
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]  # fmt: skip
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
        both = (folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text()
        (folder / f"{name}.pem").write_text(both)
    return folder / "own.pem", folder / "other.pem"


def test_the_certificate_of_a_camera_is_checked_if_a_ca_file_is_given(
    pems: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av", reason="needs PyAV: pip install 'edgetrack[av]'")
    own, other = pems
    camera = RtspCamera((160, 120), pem=own)
    try:
        for trusted in (None, own):
            if trusted is not None:
                monkeypatch.setenv("EDGETRACK_CA_FILE", str(trusted.with_suffix(".crt")))
            with open_source(camera.url) as source:
                assert next(iter(source)).pixels.shape == (120, 160, 3)
        monkeypatch.setenv("EDGETRACK_CA_FILE", str(other.with_suffix(".crt")))
        with pytest.raises(SourceError, match=r"TLS connection failed .*check that EDGETRACK_CA_FILE, if"):
            open_source(camera.url)
    finally:
        camera.kill()


def test_a_webhook_with_an_untrusted_certificate_names_the_remedy(
    pems: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    server = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pems[0])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http://", "https://")
    try:
        with WebhookSink(url, warn=said.append) as sink:
            sink.write(FRAME, TRACK, latency_ms=1)
            wait(lambda: bool(said))
        assert UNTRUSTED in said[0]
        assert server.bodies == []
        monkeypatch.setenv("EDGETRACK_CA_FILE", str(pems[0].with_suffix(".crt")))
        with WebhookSink(url) as sink:
            sink.write(FRAME, TRACK, latency_ms=1)
            server.wait_for(1)
    finally:
        server.stop()


# paho leaves the socket to the garbage collector where the handshake fails.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. .ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_a_broker_with_an_untrusted_certificate_names_the_remedy(
    pems: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt: pip install 'edgetrack[mqtt]'")
    if shutil.which("mosquitto") is None:
        pytest.skip("needs a broker: apt-get install mosquitto")
    said: list[str] = []
    broker = Broker(tmp_path, pem=pems[0])
    url = broker.url.replace("mqtt://", "mqtts://")
    try:
        with MqttSink(url, warn=said.append) as sink:
            wait(lambda: bool(said))
        assert UNTRUSTED in said[0]
        monkeypatch.setenv("EDGETRACK_CA_FILE", str(pems[0].with_suffix(".crt")))
        with MqttSink(url) as sink:
            sink.write(FRAME, TRACK, latency_ms=1)
            wait(lambda: sink.undelivered == 0)
    finally:
        broker.kill()
        gc.collect()


def test_a_ca_file_without_certificates_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (empty, tmp_path / "none.pem"):
        monkeypatch.setenv("EDGETRACK_CA_FILE", str(file))
        with pytest.raises(ConfigError, match=rf"{file.name}, which cannot be read .*expected a PEM file"):
            WebhookSink("https://localhost/")
