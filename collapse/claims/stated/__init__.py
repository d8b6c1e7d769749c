"""The claims that come with Onecurve, a YAML file each."""
