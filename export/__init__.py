"""From a checkpoint to a bundle. Runs on a workstation, never on the device."""
