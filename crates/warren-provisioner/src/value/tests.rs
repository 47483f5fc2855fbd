use super::*;

#[test]
fn values_survive_the_binary_form() {
    let value = Value::object([
        ("null", Value::Null),
        ("unknown", Value::Unknown),
        ("bool", Value::Bool(true)),
        ("int", Value::Int(-7)),
        ("float", Value::Float(1.5)),
        ("list", Value::texts(["a", "ß"])),
        ("map", Value::object([("k", Value::Null)])),
    ]);
    assert_eq!(Value::from_msgpack(&value.to_msgpack()).unwrap(), value);
}

#[test]
fn unknown_has_the_bytes_that_terraform_expects() {
    assert_eq!(Value::Unknown.to_msgpack(), [0xd4, 0, 0]);
    // A refined unknown: extension 12 with a map inside.
    let refined = [0xc7, 3, 12, 0x81, 1, 0xc2];
    assert_eq!(Value::from_msgpack(&refined).unwrap(), Value::Unknown);
}

#[test]
fn equal_numbers_are_equal_whatever_their_form() {
    let mut float = Vec::new();
    rmpv::encode::write_value(&mut float, &Raw::F64(120.0)).unwrap();
    assert_eq!(Value::from_msgpack(&float).unwrap(), Value::from_json(b"120").unwrap());
}

#[test]
fn broken_bytes_are_an_error() {
    assert!(Value::from_msgpack(&[0xdf, 1]).is_err());
    assert!(Value::from_json(b"{").is_err());
    // A map with a number as its key.
    assert!(matches!(Value::from_msgpack(&[0x81, 1, 0xc0]), Err(ValueError::Key)));
}
