// SQL to copy. Always quoted: a name that needs no quotes is not changed by them.

/** As PostgreSQL's quote_ident, for names of any characters. */
export const identifier = (name) => `"${name.replaceAll('"', '""')}"`;

/** As PostgreSQL's quote_literal: right whatever standard_conforming_strings is. */
export function literal(text) {
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

/** The narrow form of PostgreSQL 16: to change its password and nothing else. */
export const grantAdmin = (role, manager) => `GRANT ${identifier(role)} TO ${identifier(manager)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`;

/**
 * Statements that make a role for a connection.
 *
 * @param password as it shall be shown: quoted text of the caller's
 */
export function createRole({ username, database, password, roles, comments }) {
  const role = identifier(username);
  return [
    `-- ${comments.create}`,
    `CREATE ROLE ${role} LOGIN PASSWORD ${password};`,
    `GRANT CONNECT ON DATABASE ${identifier(database)} TO ${role};`,
    '',
    `-- ${comments.rotate}`,
    `ALTER ROLE ${role} CREATEROLE;`,
    '',
    `-- ${comments.admin}`,
    ...roles.map((each) => grantAdmin(each, username)),
  ].join('\n');
}
