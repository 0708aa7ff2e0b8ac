#!/bin/sh
# Runs Fortnight with the settings of the service, and for root as the service's user.
if [ -r /etc/fortnight/fortnight.env ]; then
  set -a
  . /etc/fortnight/fortnight.env
  set +a
fi
if [ "$(id -u)" -eq 0 ]; then
  # the caller's directory may be closed to that user
  exec runuser -u fortnight -- /usr/lib/fortnight/fortnight "$@"
fi
exec /usr/lib/fortnight/fortnight "$@"
