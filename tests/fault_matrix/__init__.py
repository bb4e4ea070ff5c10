"""Every adapter fault against Home Assistant alone and with the integration."""
