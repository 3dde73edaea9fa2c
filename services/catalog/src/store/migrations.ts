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
  {
    name: '002-broad-searches',
    // Which way is short depends on how common the words are: a plan for all queries would be wrong for most.
    up: `
      CREATE INDEX product_title_search ON product USING gin (ts_filter(search, '{a}'));
      ANALYZE product;

      CREATE FUNCTION matching(wanted tsquery, most int) RETURNS SETOF product LANGUAGE plpgsql STABLE
        SET plan_cache_mode = force_custom_plan AS $$
        BEGIN
          RETURN QUERY SELECT * FROM product WHERE search @@ wanted LIMIT most;
        END $$;

      CREATE FUNCTION matching_in_title(wanted tsquery, after text, most int) RETURNS SETOF product LANGUAGE plpgsql STABLE
        SET plan_cache_mode = force_custom_plan AS $$
        BEGIN
          RETURN QUERY SELECT * FROM product WHERE ts_filter(search, '{a}') @@ wanted AND product_id > after
            ORDER BY product_id LIMIT most;
        END $$;

      CREATE FUNCTION matching_elsewhere(wanted tsquery, after text, most int) RETURNS SETOF product LANGUAGE plpgsql STABLE
        SET plan_cache_mode = force_custom_plan AS $$
        BEGIN
          RETURN QUERY SELECT * FROM product
            WHERE search @@ wanted AND NOT ts_filter(search, '{a}') @@ wanted AND product_id > after
            ORDER BY product_id LIMIT most;
        END $$;
    `,
  },
];
