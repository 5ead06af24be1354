#!/usr/bin/env bash
# PgBouncer between an application and PostgreSQL: it takes the password of the other role without ending the session of the first.
set -euo pipefail

# It refuses to run as root, and so its files do not belong to root.
own() { [ "$(id -u)" != 0 ] || chown nobody "$@"; }
as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
work=$(mktemp -d)
cd "$work"
own .
trap 'kill "$(cat pgbouncer.pid)" 2>/dev/null || true; rm -rf "$work"' EXIT

cat > pgbouncer.ini <<INI
# -- pgbouncer.ini
[databases]
* = host=127.0.0.1 port=$PG_PORT

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $PORT
auth_type = scram-sha-256
auth_file = userlist.txt
# --
unix_socket_dir =
pidfile = pgbouncer.pid
INI

reload() {
# -- its line of the one role is replaced, the one of the other stays
line=$(curl -fsS -H "Authorization: Bearer $TOKEN" "$ACTIVE?format=pgbouncer")
{ echo "$line"; grep -vF "${line%\" \"*}\" \"" userlist.txt || true; } > userlist.new
mv userlist.new userlist.txt
[ ! -e pgbouncer.pid ] || kill -HUP "$(cat pgbouncer.pid)"
# --
}

# A session of the application: says who it is, and whether it still is when it is asked again.
password() { curl -fsS -H "Authorization: Bearer $TOKEN" "$ACTIVE" | grep -oP '"password":"\K[^"]*'; }
session() { PGPASSWORD=$2 psql -qAt "host=127.0.0.1 port=$PORT dbname=postgres user=$1"; }

touch userlist.txt
reload
own userlist.txt pgbouncer.ini
as_owner pgbouncer -q pgbouncer.ini >&2 &
first=$(password)
for _ in $(seq 50); do session "$ROLE1" "$first" <<< 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.1; done

coproc work { session "$ROLE1" "$first"; }
exec 3>&"${work[1]}" 4<&"${work[0]}"
echo 'SELECT current_user, pg_backend_pid();' >&3
read -r before <&4
[ "${before%|*}" = "$ROLE1" ]

echo rotate
read -r said
[ "$said" = rotated ]
if session "$ROLE2" "$(password)" <<< 'SELECT 1' >/dev/null 2>&1; then echo "it let in whom it does not know" >&2; exit 1; fi
reload
own userlist.txt
for _ in $(seq 50); do
  who=$(session "$ROLE2" "$(password)" <<< 'SELECT current_user' 2>/dev/null) && break
  sleep 0.1
done
[ "$who" = "$ROLE2" ]

echo 'SELECT current_user, pg_backend_pid();' >&3
read -r after <&4
[ "$after" = "$before" ] # the same session, in the same backend
[ "$(session "$ROLE1" "$first" <<< 'SELECT current_user')" = "$ROLE1" ] # and the former password lasts until the next rotation
exec 3>&-
echo done
