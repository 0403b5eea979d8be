"""The client's side of the relay: ``hbpushd publish``, ``subscribe``, ``channels`` and ``bench``, found through ``hbpush.commands``.

``arguments`` and ``endings`` are what the commands have in common on the command line. ``connection`` speaks to a server, ``following``
keeps a subscription up, ``crowd`` and ``publishing`` are the load of the bench. Pure are ``responses``, ``events`` and ``frames``, which
read what servers write, ``received`` and ``listing``, which say what that is, and ``histogram``.

Nothing here imports the hub, the stores, or what serves requests: all that is known of a server is what it says over HTTP.
"""
