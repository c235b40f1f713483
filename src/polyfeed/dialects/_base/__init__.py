"""What a dialect is to the gateway: sessions give effects, feeds give frames, REST calls give replies."""
