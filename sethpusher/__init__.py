"""The SethPusher kit: an application's SockJS sockets in channels, and a REST API that publishes to channels and users.

`applications` is where a program begins; `crowd` joins sockets to the hub; all public classes are thin skins over it. The wire of SockJS
is in `sethpusher.sockjs`.
"""
