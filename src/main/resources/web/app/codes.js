// What each code means to somebody who looks at a page: a heading, what to do about it, and the buttons that do it.
// The service's own message, which names the things in question, stands below as a detail.

const GRANT = ['grant', 'connection'];
const HBA = 'Have the line below put into pg_hba.conf and the server reloaded, then verify.';

/** Code: heading, what to do, and names of steps, the best first. A page offers those of them that it can do. */
export const CODES = {
  // ---- A password and its server ------------------------------------------------------------------------------------------
  changed_by_third_party: [
    'Somebody else changed the password',
    'Rotate to serve a password that works, or put ours back; then find out who changes the role.',
    'rotate',
    'putBack',
    'verify',
  ],
  not_answered_yet: ['The server has not answered the last change', 'The service asks again by itself. Verify to look at once.', 'verify'],
  answer_missing: ['The server’s answer is missing', 'The service asks again by itself. Verify to look at once.', 'verify'],
  password_not_proven: ['The new password is not proven', HBA, 'verify'],
  connection_gone: ['The connection has been deleted', 'Delete the rotation, and recreate it on another connection.'],
  not_known_yet: ['The outcome of the last change is not known', 'The service asks again by itself. Verify to look at once.', 'verify'],
  interrupted: ['The last change was interrupted', 'Another process finishes it within a minute. Verify to look at once.', 'verify'],
  out_of_time: ['The server took too long', 'Look for load and for locks on the role; the change is tried again by itself.', 'verify', 'rotate'],
  valid_until: ['Its VALID UNTIL ends soon', 'Have VALID UNTIL of the role moved or lifted on the server, then verify.', 'verify'],
  overdue: ['The change is overdue', 'Rotate now, and find out why nothing looks for due work.', 'rotate'],
  stale_credential: ['The served password is refused', 'Rotate to serve a password that works. Consumers keep what they have until then.', 'rotate', 'verify'],
  rotation_failed: ['The password was not changed', 'Remove the cause that is named below, then rotate again.', 'preflight', 'connection'],
  rotation_in_doubt: ['The server’s answer is missing', 'Both passwords are kept and the service asks again by itself. Verify to look at once.', 'verify'],
  rotation_in_progress: ['A change is under way', 'Wait for it; this page follows it.'],
  rotation_unfinished: ['An earlier change is not finished', 'The service goes on with it by itself. Repeat this when the state is in order.', 'verify'],
  rotation_revoking: ['It is being revoked', 'It ends by itself when its server answers. Stop waiting only if the server is gone for good.', 'abandon'],
  overlap_not_over: ['The replaced password has not ended yet', 'Wait until the time below, or end it now.'],
  no_credentials_yet: ['There is no password yet', 'Its first change has not succeeded. Verify to try it now.', 'verify'],
  still_overdue: ['Some passwords are still overdue', 'See the troubles for which, and why.'],
  server_refused: ['The server refused the change', 'See the server’s log for the cause, then run the pre-flight check.', 'preflight'],
  examination_refused: ['The server refused a question', 'Grant the role what is named below, then check again.', 'preflight', 'connection'],
  closed_by_server: ['The server closed the connection', 'See the server’s log, then verify.', 'verify', 'test', 'connection'],
  concurrent_change: ['Somebody changed the role at the same time', 'Try again.', 'rotate'],
  role_locked: ['The role is locked', 'Wait until the other session has ended its transaction, then try again.', 'rotate'],
  marker_moved: ['The role’s comment was changed meanwhile', 'Find out who else works on the role, then rotate again.', 'rotate'],
  marker_implausible: ['The role’s comment was written by somebody else', 'Have the statement run that the check shows; it takes the marker out.', ...GRANT],
  store_behind_target: ['This store is older than the server', 'A newer copy of the store has changed the role. Stop that copy, then rotate.', 'rotate'],
  role_missing: ['The role does not exist', 'Have it created with the statement that the check shows, or make a rotation for another role.', ...GRANT],
  role_cannot_login: ['The role may not log in', 'Have the ALTER ROLE run that the check shows.', ...GRANT],
  role_expired: ['The role has expired', 'Have VALID UNTIL moved with the statement that the check shows.', ...GRANT],
  role_full: ['The role has no session left', 'Raise its CONNECTION LIMIT, or close sessions of the role.', 'verify'],
  role_renamed: ['The role was renamed', 'Have it renamed back with the statement that the check shows, or make a rotation for the new name.', ...GRANT],
  role_replaced: ['The role was dropped and recreated', 'If the new role is to be managed, delete this rotation and make one that takes it over.', 'preflight'],
  server_replaced: [
    'This is another server',
    'Point the connection back at the former server, or confirm on its page that passwords are to be changed on this one.',
    'connection',
  ],
  leads_to_another_server: ['That is another server', 'Point it at the same server, or confirm below that passwords will be changed on this one.'],
  role_already_managed: ['The role is managed already', 'Choose another role, or delete what manages it. Taking it over is under “Advanced”.'],
  role_of_a_connection: ['A connection logs in as this role', 'Give that connection a role of its own: a new password would lock it out.', 'connection'],
  role_of_this_service: ['The service itself logs in as this role', 'Choose another role.'],
  role_is_managing_role: ['It is the role that changes the passwords', 'Choose another role, or have the connection’s own password managed.', 'connection'],
  role_is_privileged: ['The role is privileged', 'If that is meant, allow it under “Advanced”.'],
  role_is_replication: ['The role has REPLICATION', 'If that is meant, allow it under “Advanced”; before PostgreSQL 16 the connection needs a superuser too.'],
  role_is_superuser: ['The role is a superuser', 'Only a superuser may change its password: use a connection of one, and allow it under “Advanced”.'],
  usernames_equal: ['Both roles are the same', 'Choose another second role, or one role only.'],
  name_invalid: ['The name cannot be managed', 'Choose a role whose name fits the rule below.'],
  admin_option_missing: ['ADMIN OPTION on the role is missing', 'Have the GRANT run that the check shows.', ...GRANT],
  createrole_missing: ['CREATEROLE is missing', 'Have the ALTER ROLE run that the check shows.', ...GRANT],
  connect_missing: ['The role may not connect to the database', 'Have the GRANT run that the check shows.', ...GRANT],
  no_connect_privilege: ['The role may not connect to the database', 'Have CONNECT granted on the database, then verify.', 'verify', 'test', 'connection'],
  privilege_missing: ['A right is missing', 'Have the statements run that the check shows, or use another connection.', ...GRANT],
  authentication_not_supported: ['The server asks for no password', HBA, 'verify', 'test'],
  cleartext_password_demanded: ['The server wants the password unencrypted', HBA, 'verify', 'test'],
  md5_password_demanded: ['The server wants an MD5 answer', 'Have the role’s password stored as scram-sha-256, then verify.', 'verify', 'test'],
  password_not_asked: ['The server asks for no password', HBA, 'verify', 'test'],
  login_not_offered: ['pg_hba.conf does not let the role in', HBA, 'verify', 'test'],
  no_matching_rule: ['pg_hba.conf does not let the role in', 'Have a rule added for the address of this service, then verify.', 'verify', 'test', 'connection'],
  client_certificate_name_refused: [
    'The client certificate is another role’s',
    'Consumers need a certificate that names the role. The password itself is right.',
    'verify',
    'connection',
  ],
  tls_demanded: ['The server wants TLS', 'Choose one of the modes with TLS in the connection.', 'connection', 'test'],
  login_refused: ['The server refused the login', 'Look up the SQLSTATE below, and see the server’s log.', 'verify', 'test', 'connection'],
  password_refused: ['The server refused the password', 'Check role, password and VALID UNTIL.', 'test', 'connection', 'verify'],
  server_not_authentic: ['The server may be a false one', 'It did not prove that it knows the password. Check address and TLS.', 'connection', 'test'],
  connection_test_failed: ['The login did not work', 'Fix the step that is named below, then try again.', 'test', 'connection'],
  managed_credentials_failed: ['The password could not be replaced', 'The connection keeps what it had. Remove the cause below, then try again.'],
  pooler_in_between: ['A pooler stands in between', 'Give the connection the address of the server itself.', 'connection'],
  read_only: ['The server is read-only', 'Point the connection at the primary.', 'connection', 'verify'],
  standby: ['The server is a standby', 'Point the connection at the primary.', 'connection', 'verify'],
  server_full: ['The server has no session left', 'Close sessions, or raise max_connections; then verify.', 'verify', 'test'],
  slots_reserved: ['Only reserved sessions are left', 'Close sessions, or raise max_connections; then verify.', 'verify', 'test'],
  database_full: ['The database has no session left', 'Close sessions, or raise its CONNECTION LIMIT; then verify.', 'verify', 'test'],
  database_closed: ['The database takes no connections', 'Use another database in the connection.', 'connection', 'test'],
  no_such_database: ['The database does not exist', 'Correct its name in the connection.', 'connection', 'test'],
  server_not_ready: ['The server is starting or stopping', 'It is tried again by itself. Verify to look at once.', 'verify', 'test'],
  connect_timed_out: ['The server’s address does not answer', 'Check address, port and firewall, then verify.', 'verify', 'test', 'connection'],
  connection_refused: ['Nothing listens at this address', 'Check port and firewall, then verify.', 'verify', 'test', 'connection'],
  network_unreachable: ['There is no route to the server', 'Check network and firewall, then verify.', 'verify', 'test', 'connection'],
  timed_out: ['The server stopped answering', 'See its log; something in between may swallow data. Then verify.', 'verify', 'test', 'connection'],
  name_lookup_timed_out: ['The name servers do not answer', 'Verify to look again, or use an IP address.', 'verify', 'test', 'connection'],
  name_not_found: ['The host name has no address', 'Correct it in the connection.', 'connection', 'test'],
  host_malformed: ['Not a valid host', 'Enter a host name or an IP address.', 'connection'],
  address_refused: ['The address is not allowed', 'Use another host, or ask the operator of this service to open the network.', 'connection'],
  not_postgresql: ['Not a PostgreSQL server', 'Check host and port.', 'connection', 'test'],
  too_much_data: ['The server sent far too much', 'Check what listens there.', 'connection', 'test'],
  too_many_iterations: ['The server asks for too many SCRAM iterations', 'Have scram_iterations lowered and the password set again.', 'verify', 'test'],
  too_many_sessions: ['All sessions to the server are in use', 'Try again in a few seconds.', 'verify', 'test'],
  target_busy: ['The server is busy with other requests', 'Nothing was begun. Wait a moment, then try again.', 'verify'],
  channel_binding_refused: [
    'Something stands between the service and the server',
    'The TLS session does not end at the server. Enter the server’s own address; if there should be no proxy, find out who answers there.',
    'connection',
    'test',
  ],
  channel_binding_impossible: [
    'The certificate allows no channel binding',
    'Choose “CA verified” or “Verified” in the connection, or give the server a certificate signed with RSA or ECDSA.',
    'connection',
    'test',
  ],
  tls_not_offered: ['The server offers no TLS', 'Turn TLS on at the server, or choose “No TLS” in the connection.', 'connection', 'test'],
  tls_handshake_failed: ['The TLS handshake failed', 'Check TLS versions, and whether the server wants a client certificate.', 'connection', 'test'],
  tls_name_mismatch: ['The certificate is for another name', 'Use the name in the certificate, or “CA verified”.', 'connection', 'test'],
  tls_unknown_authority: ['The certificate’s authority is unknown', 'Enter the server’s CA certificate in the connection.', 'connection', 'test'],
  tls_certificate_expired: ['The server’s certificate has expired', 'Have it renewed, then verify.', 'verify', 'test'],
  tls_certificate_not_yet_valid: ['The server’s certificate is not valid yet', 'Check the clocks of both, then verify.', 'verify', 'test'],

  // ---- Deliveries ---------------------------------------------------------------------------------------------------------
  vault_behind: ['Vault has an older credential', 'See below what the last delivery failed with; it is tried again by itself.'],
  vault_token_refused: ['Vault refuses this service', 'The operator of this service must give it a new token; what waits is written by itself then.'],
  vault_token_ends: ['The token for Vault ends soon', 'The operator of this service must give it a new one.'],
  vault_not_configured: ['There is no Vault to write to', 'Leave Vault out, or ask the operator of this service to connect one.'],
  vault_place_not_allowed: ['That place in Vault is not allowed', 'Choose a place below one of those named below.'],
  vault_place_taken: ['Another rotation writes to that place', 'Choose another place.'],
  store_was_altered: ['The store was written to by somebody else', 'Altered rows are ignored. The operator of this service must find out who it was.'],
  root_key_unfit: ['The root key does not fit the store', 'The operator of this service must put the former key back before anything restarts.'],
  audit_not_pruned: ['The audit is not pruned', 'The operator of this service must run the prune job; until then the store grows.'],
  webhook_failing: ['The receiver takes no messages', 'Fix the receiver and test it; what waits is sent again by itself.', 'test'],
  webhook_dead_letters: ['Messages were given up', 'Fix the receiver, then send them again.', 'replay', 'test'],
  webhook_name_taken: ['The name is taken', 'Choose another name.'],
  webhook_not_found: ['There is no such webhook', 'It was deleted, or belongs to a project that is not yours.'],
  webhook_delivery_not_found: ['There is no such message', 'It was cleared. Reload the list.'],
  delivery_pending: ['The message is still being sent', 'Wait until it is delivered or given up.'],
  receiver_address_refused: ['The receiver’s address is not allowed', 'Use another host, or ask the operator of this service to open the network.'],
  receiver_host_malformed: ['Not a valid host', 'Correct the URL.'],

  // ---- Signing in ---------------------------------------------------------------------------------------------------------
  invalid_credentials: ['Not signed in', 'Check both. The secret is the one shown when it was made; whoever manages identities can make a new one.'],
  login_locked: ['Locked after too many attempts', 'Wait until the lock ends, then try again with the right secret.'],
  client_secret_expired: ['The client secret has expired', 'Ask whoever manages identities for a new one.'],
  client_secret_used_up: ['The client secret is used up', 'Ask whoever manages identities for a new one.'],
  token_address_not_trusted: ['Not from this network', 'Sign in from one of the networks of this identity.'],
  token_expired: ['The session has ended', 'Sign in again.'],
  token_invalid: ['The session is not valid', 'Sign in again.'],
  token_missing: ['Not signed in', 'Sign in.'],
  token_revoked: ['The session was ended', 'Sign in again.'],
  token_renewal_refused: ['The session cannot go on', 'Sign in again with a client secret that may be used from here.'],
  permission_denied: ['You may not do this', 'Ask an administrator for the role you need.'],
  forbidden: ['You may not do this', 'Ask an administrator for the role you need.'],
  issuer_unavailable: ['The issuer of the token does not answer', 'Try again; if it keeps happening, check that this service reaches it.'],

  // ---- Identities, projects, keys -----------------------------------------------------------------------------------------
  auth_method_exists: ['The identity has this already', 'Change the one that it has.'],
  auth_method_not_found: ['There is no such login', 'It was deleted meanwhile. Reload the page.'],
  client_secret_not_found: ['There is no such client secret', 'It was revoked meanwhile. Reload the page.'],
  token_not_found: ['There is no such token', 'It was revoked meanwhile. Reload the page.'],
  too_many_client_secrets: ['Too many client secrets', 'Revoke one that is no longer used.'],
  too_many_tokens: ['Too many tokens', 'Revoke one that is no longer used.'],
  identity_not_found: ['There is no such identity', 'It was deleted, or is not yours to see.'],
  last_administrator: ['It is the last administrator', 'Make another identity an administrator first.'],
  delete_protected: ['It is protected', 'Switch the protection off first.'],
  membership_exists: ['It has roles in this project already', 'Change those.'],
  membership_not_found: ['It has no role in this project', 'It was removed meanwhile. Reload the page.'],
  project_not_empty: ['The project is not empty', 'Delete or move what is in it first.'],
  project_not_found: ['There is no such project', 'It was deleted, or is not yours to see.'],
  project_unknown: ['There is no such project', 'Choose another project.'],
  project_name_taken: ['The name is taken', 'Choose another name.'],
  project_slug_taken: ['The slug is taken', 'Choose another slug.'],
  key_command_running: ['Another command is running', 'Wait until it has ended.'],
  data_key_exhausted: ['The data key is used up', 'An administrator has to make a new one under Keys.'],
  data_key_not_loaded: ['The newest key is not loaded yet', 'Try again in a few seconds.'],

  // ---- Connections and rotations as entries ---------------------------------------------------------------------------------
  connection_in_use: ['It is in use', 'Delete what uses it first.'],
  connection_not_found: ['There is no such connection', 'It was deleted, or belongs to a project that is not yours.'],
  connection_of_another_project: ['The connection is of another project', 'Choose one of the same project, or one of the whole organisation.'],
  credentials_are_managed: ['The login is managed', 'Release it first, then change it.'],
  credentials_required: ['The current password is needed', 'Enter the login that works now: it is tried before it is replaced.'],
  managed_password_would_be_lost: ['Nobody else has this password', 'Release it first, or confirm that it may be lost.'],
  not_managed: ['The password is not managed', 'There is nothing to do.'],
  rotation_not_found: ['There is no such rotation', 'It was deleted, or belongs to a project that is not yours.'],
  auto_rotation_is_off: ['It runs only on request', 'Switch the schedule on as well.'],
  field_cannot_change: ['This cannot be changed', 'Make a new rotation with the other value, then delete this one.'],
  name_taken: ['The name is taken', 'Choose another name.'],
  secret_name_taken: ['Another rotation serves a secret of this name', 'Choose another name, environment or path.'],
  secret_names_equal: ['Both secrets have one name', 'Choose two different names.'],
  changed_meanwhile: ['Somebody changed it at the same time', 'Nothing was changed. Reload the page and repeat the change.'],
  changed_since_read: ['It was changed since you opened it', 'What changed is listed here; what you typed is kept. Save again to apply it.'],
  not_found: ['There is no such thing', 'It was deleted, or belongs to a project that is not yours.'],
  too_many_rows: ['Too many rows', 'Narrow the filters.'],

  // ---- The service --------------------------------------------------------------------------------------------------------
  validation_failed: ['Some fields need fixing', 'See the messages next to them.'],
  body_too_large: ['That is too much text', 'Send less; the limit is named below.'],
  bad_request: ['The request was not understood', 'Reload the page; if it keeps happening, report the request ID.'],
  malformed_json: ['The request was not understood', 'Reload the page; if it keeps happening, report the request ID.'],
  rate_limited: ['Too many requests', 'Wait a moment, then try again.'],
  too_many_bodies: ['Too many requests at once', 'Wait a moment, then try again.'],
  idempotency_key_in_progress: ['It is still being done', 'Wait a moment, then try again: nothing is done twice.'],
  not_in_time: ['It took too long', 'It may have been done or not. Look before you repeat it.'],
  not_ready: ['The service is starting', 'Try again in a moment.'],
  internal_error: ['Something went wrong in the service', 'Try again. If it keeps happening, report the request ID below.'],
  store_is_a_copy: ['This store is a copy', 'No password is changed and nothing is sent until an administrator adopts it.'],
  store_unavailable: ['The service’s database does not answer', 'Try again in a moment. If you were saving, check first whether it went through.'],
  store_slow: ['The service’s database is slow', 'Try again in a moment. If you were saving, check first whether it went through.'],
  store_busy: ['The service’s database is busy', 'Try again in a moment.'],
  store_full: ['The service’s database is full', 'Nothing was changed. The operator of this service must make room.'],
  store_read_only: ['The service’s database is read-only', 'Nothing was changed. The operator of this service must point it at the primary.'],
  unreachable: ['The service did not answer', 'Check your network, then try again. If you were saving, check first whether it went through.'],
  not_understood: ['The answer could not be understood', 'Something between you and the service may have answered. Try again.'],
};

/** Of a role that is refused nothing can be asked: somebody has to let it in, or a login of its own has to be entered. */
const SELF_REFUSED = ['changed_by_third_party', 'stale_credential'];

/**
 * What to do about a trouble of the service.
 *
 * @return heading; text; steps (names, the best first): none of them acts on its own, and none is offered that cannot work
 */
export function adviceOn({ kind, status, code }) {
  const [heading, text, ...steps] = CODES[code] ?? [null, null];
  if (kind === 'webhook') return { heading, text, steps };
  if (status === 'revoking') return { heading: CODES.rotation_revoking[0], text: CODES.rotation_revoking[1], steps: ['abandon'] };
  if (status === 'in_doubt') return { heading, text, steps: ['verify'] };
  if (kind === 'connection') {
    if (SELF_REFUSED.includes(code))
      return { heading, text: 'Release it, enter the password that works now, and have it managed again.', steps: ['verify', 'release'] };
    // It is the connection itself that is looked at.
    const own = steps.filter((each) => !['connection', 'grant', 'preflight', 'putBack', 'abandon'].includes(each));
    return { heading, text, steps: status === 'test_failed' ? ['test'] : own.length ? own : ['verify'] };
  }
  if (status === 'no_session') return { heading, text, steps: ['verify', ...steps.filter((each) => each === 'connection')] };
  // What failed for good waits for somebody: once the cause is gone, a new change is what shows it.
  if (status === 'failed' && !steps.includes('rotate')) return { heading, text, steps: [...steps, 'rotate'] };
  return { heading, text, steps };
}
