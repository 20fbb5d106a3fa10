"""Why there is no TLS, in words for whoever has to mend it; OpenSSL only has codes for it."""

import ssl
import time
from collections.abc import Mapping

EXPIRED, NOT_YET = 10, 9
"""X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID: these and the codes below are x509_vfy.h's."""
DATES = {EXPIRED, NOT_YET}

_UNKNOWN = "its certificate is signed by an authority that is not trusted here: correct ca_file, or the certificate"
_VERIFIED: Mapping[int, str] = {
    7: _UNKNOWN,
    18: "its certificate is self-signed, so nobody vouches for it: have it signed, or name it in ca_file",
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: "its certificate has been revoked",
    26: "its certificate is not one for servers",
    30: _UNKNOWN,
    66: "the key of its certificate is too short to be safe",
    68: "its certificate is signed with a method that is not safe",
}
_NAMES = {62, 64}
"""Not for this host name; not for this address."""

HUNG_UP = "it hung up during the TLS handshake: is this its port for TLS?"
_OLD = "it speaks nothing newer than TLS 1.1, which is not safe: it has to offer TLS 1.2 or 1.3"
_PLAIN = "it speaks no TLS on this port"
_DISLIKED = "it does not accept this station's client certificate"
_SAID: Mapping[str, str] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a client certificate: set client_cert_file and client_key_file",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it broke the handshake off: it wants a client certificate, or another cipher",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "to it this station's client certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "to it this station's client certificate has been revoked",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority that signed this station's client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": _DISLIKED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _DISLIKED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _DISLIKED,
    "TLSV1_ALERT_ACCESS_DENIED": _DISLIKED,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "UNSUPPORTED_PROTOCOL": _OLD,
    "WRONG_VERSION_NUMBER": _PLAIN,
    "HTTP_REQUEST": _PLAIN,
    "UNEXPECTED_EOF_WHILE_READING": HUNG_UP,
}
"""By OpenSSL's reason: alerts of the other side (RFC 8446 section 6.2), and what it did instead of TLS."""


def why(error: BaseException, host: str = "", certificate: Mapping[str, object] | None = None) -> str:
    """What this error means, `host` being who was called; `certificate` is the other side's, as ssl describes it.

    Of an error that has nothing to do with TLS its own words.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, host, certificate or {})
    if isinstance(error, ssl.SSLError) and error.reason in _SAID:
        return _SAID[error.reason]
    return str(error) or type(error).__name__


def _unverified(error: ssl.SSLCertVerificationError, host: str, certificate: Mapping[str, object]) -> str:
    if error.verify_code in DATES:
        return _dated(error.verify_code, certificate)
    if error.verify_code in _NAMES:
        return f"its certificate is not for {host}: correct the name in the config, or the certificate"
    return _VERIFIED.get(error.verify_code, f"its certificate cannot be trusted: {error.verify_message}")


def _dated(code: int, certificate: Mapping[str, object]) -> str:
    said = str(certificate.get("notAfter" if code == EXPIRED else "notBefore", ""))
    moment = ssl.cert_time_to_seconds(said) if said else None
    whose = "its certificate"
    if moment is not None and (moment > time.time()) is (code == EXPIRED):
        whose, moment = "the certificate of an authority above its own", None
    day = f" {'on' if code == EXPIRED else 'before'} {_day(moment)}" if moment is not None else ""
    verdict = f"expired{day}" if code == EXPIRED else f"is not valid{day or ' yet'}"
    return f"{whose} {verdict} (this station's clock shows {_day(time.time())})"


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
