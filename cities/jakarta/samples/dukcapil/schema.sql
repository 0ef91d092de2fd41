CREATE TABLE keluarga (no_kk varchar(16) PRIMARY KEY, nik_kepala varchar(16) NOT NULL);
CREATE TABLE biodata_wni (
    nik varchar(16) PRIMARY KEY, no_kk varchar(16) NOT NULL, nama_lgkp varchar(60) NOT NULL,
    tmpt_lhr varchar(60), tgl_lhr date, jenis_klmin varchar(20), gol_darah varchar(12), agama varchar(20),
    status_kawin varchar(40), pddk_akh varchar(40), jenis_pkrjn varchar(40), stat_hbkel varchar(30),
    nama_lgkp_ibu varchar(60), nama_lgkp_ayah varchar(60),
    no_prop integer, no_kab integer, no_kec integer, no_kel integer, no_rt integer, no_rw integer, alamat varchar(120)
);
CREATE INDEX biodata_wni_no_kk ON biodata_wni (no_kk);
