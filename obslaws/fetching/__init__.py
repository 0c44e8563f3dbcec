"""The only room that touches the network: it brings a source's files, and says in one line why it could not.

In: a source with its live route. Out: files on disk, the revision they belong to, and frames read within limits.
"""

from obslaws.fetching.network import Fetched, Network, Wanted
from obslaws.fetching.reading import read_fetched
from obslaws.fetching.route import fetch

__all__ = ["Fetched", "Network", "Wanted", "fetch", "read_fetched"]
