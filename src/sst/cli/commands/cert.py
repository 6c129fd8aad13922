"""``sst cert``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("cert")
@click.option("--remove", is_flag=True, help="Delete the authority and its key.")
@click.option("--new", is_flag=True, help="Make another one in place of the one that is there.")
def cert(call: Call, remove: bool, new: bool) -> None:
    """Make a certificate authority of this machine's own, for HTTPS on stage local.

    Addresses of stage local then answer https:// on the same port, with certificates for loopback names.
    Nothing trusts the authority until you say so: the commands are printed, and never run.
    """
    from ...errors import UserError
    from ...machine.authority import MachineAuthority

    own, screen = MachineAuthority(call.environ), call.screen
    if remove and new:
        raise UserError("--remove and --new can't be had together")
    there = own.exists
    if remove:
        own.remove()
    elif new or not there:
        own.make()
    file = str(own.certificate)
    if screen.as_json:
        screen.data({"certificate": None if remove else file, "made": not remove and (new or not there)})
        return
    if remove:
        screen.done(f"{file} is deleted, with its key" if there else "there is no authority")
        _say(call, "No longer trust it", UNTRUST, file)
        return
    screen.done(f"{'it is' if there and not new else 'made'}: {file}")
    _say(call, "Trust it", TRUST, file)
    screen.note("A cloud that runs already answers https:// after `sst local stop`. It vouches for localhost, "
                "*.localhost and 127.0.0.0/8 alone. Remove it with `sst cert --remove`.")


TRUST = (
    ("macOS", "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {file}"),
    ("Debian, Ubuntu", "sudo cp {file} /usr/local/share/ca-certificates/sst-local.crt && sudo update-ca-certificates"),
    ("Fedora, Arch", "sudo trust anchor {file}"),
    ("Chrome on Linux", 'certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n "sst local" -i {file}'),
    ("Firefox", "Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import: {file}"),
    ("curl", "curl --cacert {file}"),
    ("Python", "SSL_CERT_FILE={file}  (then it trusts nothing else)"),
    ("Node", "NODE_EXTRA_CA_CERTS={file}"),
)
UNTRUST = (
    ("macOS", 'sudo security delete-certificate -c "sst local authority"'),
    ("Debian, Ubuntu", "sudo rm /usr/local/share/ca-certificates/sst-local.crt && sudo update-ca-certificates --fresh"),
    ("Fedora, Arch", "sudo trust anchor --remove {file}  (before sst cert --remove)"),
    ("Chrome on Linux", 'certutil -d sql:$HOME/.pki/nssdb -D -n "sst local"'),
    ("Firefox", "Settings > Privacy & Security > Certificates > View Certificates > Authorities > sst local: Delete"),
)


def _say(call: Call, title: str, ways: tuple[tuple[str, str], ...], file: str) -> None:
    call.screen.line(f"{title}:")
    call.screen.table([(where, how.format(file=file)) for where, how in ways], indent="  ")
