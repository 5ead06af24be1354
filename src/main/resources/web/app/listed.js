// Lists that the service looks through, and that are asked for as they are.
import { get } from './api.js';

/** A source of rw-table. @param name of the rows in the answer */
export const listed =
  (path, name) =>
  async ({ q, sort, offset, limit }, signal) => {
    const answer = await get(path, { search: q, sort, offset, limit }, signal);
    return { rows: answer[name], count: answer.totalCount };
  };
