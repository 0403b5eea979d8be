"""The sockets of the kit: SockJS connections whose messages go to a dispatcher."""
