-- MariaDB's latin1_swedish_ci ignores case and blanks at the end, and takes Ý and Ü for Y.
CREATE FUNCTION equals_in_latin1_swedish(varchar, varchar) RETURNS boolean IMMUTABLE STRICT
    RETURN translate(upper(rtrim($1)), 'ÝÜ', 'YY') = translate(upper(rtrim($2)), 'ÝÜ', 'YY');
CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = equals_in_latin1_swedish);
CREATE TABLE umkm (
    id integer PRIMARY KEY, nik text NOT NULL, nib bigint, nama_usaha text NOT NULL, kbli integer, kode_kec integer,
    tahap text, grade text, omzet_bulanan text, tgl_daftar text, telp text, alamat text
);
CREATE TABLE produk (
    id integer PRIMARY KEY, umkm_id integer NOT NULL, nama_produk text NOT NULL, harga text,
    katalog_publik varchar -- the column that `catalogue_lists` compares
);
