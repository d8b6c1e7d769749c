"""The report: one HTML page of an inquiry that needs neither server nor network, with all files behind it inside."""
