"""Which addresses may be looked at: the target's own, and never where a cloud tells secrets; pure.

A name can resolve to such an address, and an answer can lead to one: what asks compares each address
again at the moment at which it connects.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from handrail.project.model import Target

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where a virtual machine is told its credentials: whoever could make a probe ask there would get them.
METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "metadata.platformequinix.com",
    }
)
_METADATA_ADDRESSES = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "fd00:ec2::254",  # Amazon, IPv6
            "fd20:ce::254",  # Google, IPv6
            "fd00:42::42",  # Scaleway, IPv6
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure's own service of each machine
            "192.0.0.192",  # Oracle, the former one
        ),
    )
)
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052


def refusal(address: str) -> str:
    """Why an IP address is never asked, in words; empty where it may be."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address!r} is no IP address"
    for each in (found, *_within(found)):
        if each in _METADATA_ADDRESSES:
            return f"{address} is where a cloud tells its machines their secrets"
        if each.is_link_local:
            return f"{address} is link-local, where a cloud tells its machines their secrets"
        if each.is_multicast or each.is_unspecified:
            return f"{address} is no address of one machine"
    return ""


def _within(address: IpAddress) -> tuple[IpAddress, ...]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    held = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _TRANSLATED:
        held.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in held if each is not None)


def refusal_of_host(host: str) -> str:
    """Why a host, by name or by address, is never asked, in words; empty where it may be."""
    name = host.strip("[]").rstrip(".").lower()
    if name in METADATA_NAMES:
        return f"{host} is where a cloud tells its machines their secrets"
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            # 0xA9FEA9FE and 2852039166 are addresses to every resolver, too.
            return refusal(socket.inet_ntoa(socket.inet_aton(name)))
        except OSError:
            return ""
    return refusal(name)


def host_of(url: str) -> str:
    """The host of an address, in lower case; empty where it has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def allowed_hosts(target: Target) -> frozenset[str]:
    """The hosts that the target's probes may ask: its own, those listed, and Prometheus' as configured."""
    urls = [target.url or "", target.app_url or ""]
    urls += [probe.prometheus.address for probe in target.monitor.probes if probe.prometheus]
    hosts = {host_of(url) for url in urls} | {host.strip("[]").lower() for host in target.monitor.hosts}
    return frozenset(hosts - {""})
