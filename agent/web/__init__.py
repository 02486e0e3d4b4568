"""The doors: HTTP, sockets, streams and the page. Decode, call one verb, encode."""
