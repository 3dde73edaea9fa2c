import type { Migration } from '@weft/kit/store';

export const migrations: readonly Migration[] = [
  {
    name: '001-products',
    // Punctuation goes before PostgreSQL splits a text into words: it would take "SET/6" for the name of a file. What people
    // look for is split by the same function, so that both always agree, and reaches a tsquery only as quoted lexemes.
    up: `
      CREATE FUNCTION words(document text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN to_tsvector('simple', translate(document, $$!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~$$, repeat(' ', 32)));

      CREATE FUNCTION query_of(words tsvector) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN (
          WITH word AS (SELECT lexeme, (SELECT max(place) FROM unnest(positions) AS place) AS place FROM unnest(words))
          SELECT string_agg(
            '''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || ''''
              || CASE WHEN place = (SELECT max(place) FROM word) THEN ':*' ELSE '' END, ' & ')::tsquery
          FROM word
        );

      CREATE TABLE product (
        product_id text COLLATE "C" PRIMARY KEY,
        stock_code text NOT NULL,
        title text NOT NULL,
        description text NOT NULL,
        currency text NOT NULL,
        minor_units bigint NOT NULL,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        search tsvector NOT NULL
          GENERATED ALWAYS AS (setweight(words(title), 'A') || setweight(words(description), 'B')) STORED
      );
      CREATE INDEX product_search ON product USING gin (search);
    `,
  },
];
