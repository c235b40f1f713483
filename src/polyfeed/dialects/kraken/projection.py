"""What this dialect must number or chain over every batch, whether or not anybody listens: nothing.

No message of the Kraken wire carries a sequence number or refers to the one before it. Channel numbers follow from the
list of pairs alone (`ids.py`), `connectionID` is the gateway's, and a checksum is made from the book as it stands, so
every feed can be dropped and made again from the market (spec/kraken.md 1.8, 3.10).
"""
