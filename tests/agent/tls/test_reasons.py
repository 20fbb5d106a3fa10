"""Every reason why there is no TLS has words, also those that no test can bring about."""

import ssl
import time
from typing import Any

import pytest

from agent.tls.reasons import EXPIRED, HUNG_UP, NOT_YET, why

LONG_AGO, FAR_OFF = "Jan  1 00:00:00 2001 GMT", "Jan  1 00:00:00 2101 GMT"
TODAY = time.strftime("%Y-%m-%d", time.gmtime())


def unverified(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def failed(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] words of OpenSSL (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("code", "certificate", "said"),
    [
        (EXPIRED, {"notAfter": LONG_AGO}, "its certificate expired on 2001-01-01 ("),
        (EXPIRED, {}, "its certificate expired ("),
        (EXPIRED, {"notAfter": FAR_OFF}, "the certificate of an authority above its own expired ("),
        (NOT_YET, {"notBefore": FAR_OFF}, "its certificate is not valid before 2101-01-01 ("),
        (NOT_YET, {}, "its certificate is not valid yet ("),
        (NOT_YET, {"notBefore": LONG_AGO}, "the certificate of an authority above its own is not valid yet ("),
    ],
)
def test_dates(code: int, certificate: dict[str, str], said: str) -> None:
    told = why(unverified(code), "h", certificate)
    assert told.startswith(said)
    assert told.endswith(f"(this station's clock shows {TODAY})")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (unverified(62), "its certificate is not for h: "),
        (unverified(64), "its certificate is not for h: "),
        (unverified(23), "its certificate has been revoked"),
        (unverified(99, "odd path"), "its certificate cannot be trusted: odd path"),
        (failed("UNEXPECTED_EOF_WHILE_READING", ssl.SSLEOFError), HUNG_UP),
        (failed("TLSV1_ALERT_ACCESS_DENIED"), "it does not accept this station's client certificate"),
        (failed("SOMETHING_NEW"), "[SSL: SOMETHING_NEW] words of OpenSSL"),
        (ConnectionResetError(104, "Connection reset by peer"), "[Errno 104] Connection reset by peer"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_words(error: Any, said: str) -> None:
    assert said in why(error, "h")
