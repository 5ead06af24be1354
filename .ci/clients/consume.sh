#!/usr/bin/env bash
# An operator's terminal: reads the credential of a rotation and logs in with it, before and after it rotates.
set -euo pipefail

mode() { stat -c %a "$1"; }
HOME=$PWD/home
mkdir -p "$HOME"

# -- the token, where no list of processes shows it
umask 077
log_in() {
  printf '{"clientId": "%s", "clientSecret": "%s"}' "$CLIENT_ID" "$CLIENT_SECRET" |
    curl -fsS -H 'Content-Type: application/json' -d @- "$LOGIN" |
    sed -n 's/.*"accessToken":"\([^"]*\)".*/Authorization: Bearer \1/p' > "$HOME/rolewright.header"
}
log_in
# --
[ "$(mode "$HOME/rolewright.header")" = 600 ]

# -- the CA by which psql verifies the server
ca() {
  export PGSSLMODE=verify-full PGSSLROOTCERT=$HOME/rolewright-ca.pem
  curl -fsS -H @"$HOME/rolewright.header" "${ACTIVE%/active}/ca.pem" > "$PGSSLROOTCERT"
}
# --
if [ "$SSLMODE" = verify-full ]; then ca; else export PGSSLMODE=$SSLMODE; fi

login() {
# -- one session
curl -fsS -H @"$HOME/rolewright.header" "$ACTIVE?format=pgpass" > "$HOME/.pgpass"
IFS=: read -r PGHOST PGPORT PGDATABASE PGUSER _ < "$HOME/.pgpass"
export PGHOST PGPORT PGDATABASE PGUSER PGPASSFILE=$HOME/.pgpass
psql -qAtc 'SELECT current_user'
# --
}

before=$(login)
[ "$before" = "$ROLE1" ]
if [ "$SSLMODE" = verify-full ]; then
  if PGSSLROOTCERT=$OTHER_CA psql "$(curl -fsS -H @"$HOME/rolewright.header" "$ACTIVE?format=uri")" -qAtc 'SELECT 1' 2> "$HOME/refused"; then
    exit 1
  fi
  grep -q 'certificate verify failed' "$HOME/refused"
fi
echo rotate
read -r said
[ "$said" = rotated ]

# -- the next one, as soon as it is there; not yet is an empty answer, and whatever fails is tried again with another token
until version=$(curl -fsS -H @"$HOME/rolewright.header" "$ACTIVE?waitForVersion=2&timeout=60" | grep -oP '"credentialVersion":\K[0-9]+'); do
  sleep 2
  log_in || true
done
# --
[ "$version" = 2 ]
after=$(login)
[ "$after" = "$ROLE2" ]
echo done
