"""TLS certificates: which ones are trusted, and advice for one that is not."""

from __future__ import annotations

import os
import ssl

from edgetrack.errors import ConfigError

CA_FILE = "EDGETRACK_CA_FILE"  # a PEM file of certificates to trust in addition to the system's


def context() -> ssl.SSLContext:
    """Return the SSL context that checks a server's certificate.

    Raises:
        ConfigError: EDGETRACK_CA_FILE names a file without certificates.
    """
    checks, file = ssl.create_default_context(), os.environ.get(CA_FILE)
    if file:
        try:
            checks.load_verify_locations(file)
        except OSError as error:  # ssl.SSLError is one, too
            raise ConfigError(
                f"{CA_FILE} is set to {file}, which cannot be read ({error.strerror or error}); expected a "
                "PEM file of "
                "certificates"
            ) from None
    return checks


def stream_options() -> dict[str, str]:
    """Return FFmpeg's options for a stream over TLS.

    Certificates of cameras are self-signed, so they can be checked only with EDGETRACK_CA_FILE.
    """
    file = os.environ.get(CA_FILE)
    return {"tls_verify": "1", "ca_file": file} if file else {}


def distrust(error: BaseException | None) -> str | None:
    """Return why a certificate is not trusted, and how to fix that; None if the error is of another kind."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return None
    return (
        f"its certificate is not trusted: {error.verify_message}; if it is the right one, set {CA_FILE} to a "
        "PEM file "
        "that contains it"
    )
